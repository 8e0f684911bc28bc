"""What was found and decided about an interface before, and the end of ignoring."""

import uuid
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.generics import GenericAPIView, ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import StaffModelPermissions
from reconcile.decisions import applying
from reconcile.models import Drift, ReconcileRun
from reconcile.refusals import Refusing
from reconcile.serializers import DriftSerializer, RecordSerializer, RunSerializer
from reconcile.views import checked, readable_interface


class _OfInterface(ListAPIView):
    filter_backends = ()

    def get(self, request: Request, pk: uuid.UUID) -> Response:
        return super().get(request, pk=pk)


@extend_schema_view(
    get=extend_schema(
        summary="List what checks of an interface found, newest first",
        description="Only findings that differed from the one before.",
        operation_id="interfaces_drift_history_list",
    )
)
class DriftHistory(_OfInterface):
    queryset = Drift.objects.all()  # whose permissions count
    serializer_class = RecordSerializer

    def filter_queryset(self, queryset: object) -> QuerySet[Any, Any]:
        return readable_interface(self.kwargs["pk"]).drift_records.all()


@extend_schema_view(
    get=extend_schema(
        summary="List what operators decided about an interface, newest first",
        operation_id="interfaces_drift_decisions_list",
    )
)
class Decisions(_OfInterface):
    queryset = ReconcileRun.objects.all()  # whose permissions count
    serializer_class = RunSerializer

    def filter_queryset(self, queryset: object) -> QuerySet[Any, Any]:
        runs = readable_interface(self.kwargs["pk"]).reconcile_runs
        return runs.defer("actions", "removals").select_related("started_by")


class TellAgain(Refusing, GenericAPIView):
    queryset = ReconcileRun.objects.all()  # whose permissions count
    permission_classes = (StaffModelPermissions,)
    serializer_class = DriftSerializer

    @extend_schema(
        summary="End the ignoring of differences, and check the interface now", request=None
    )
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        applying.tell_again(readable_interface(pk))
        return checked(pk)
