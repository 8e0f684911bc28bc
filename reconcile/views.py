"""How interfaces stand, and what operators decide about it."""

import uuid
from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.generics import GenericAPIView, ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import ChangePermissions, StaffModelPermissions
from groups.models import NodeGroup
from nodes.models import Interface, Node
from reconcile.checks import checking
from reconcile.decisions import applying, conflicts
from reconcile.decisions.applying import FleetPlan, Outcome
from reconcile.filters import DriftFilter
from reconcile.models import Drift, ReconcileRun
from reconcile.refusals import Refusing
from reconcile.serializers import (
    ChoiceSerializer,
    ChoicesSerializer,
    ConflictSerializer,
    DriftSerializer,
    FlagsSerializer,
    PlanSerializer,
    ReconcileSerializer,
    RunSerializer,
)


def readable() -> QuerySet[Interface]:
    """Interfaces that nobody removed, with what the last check of each found."""
    rows = Interface.objects.present().select_related("node", "drift")
    return rows.defer("node__secret", "node__health_json")


def readable_interface(pk: uuid.UUID) -> Interface:
    return get_object_or_404(readable(), pk=pk)


def checked(pk: uuid.UUID) -> Response:
    """Check an interface now, and answer with what was found."""
    checking.check(readable_interface(pk))
    return Response(DriftSerializer(readable_interface(pk)).data)


class DriftList(ListAPIView):
    queryset = Drift.objects.all()  # whose permissions count
    serializer_class = DriftSerializer
    filterset_class = DriftFilter
    search_fields = ("name", "node__name")
    ordering = ("node", "interface")
    ordering_fields = {
        "node": "node__name", "interface": "name", "state": "drift__state",
        "count": "drift__count", "checked_at": "drift__checked_at",
    }  # fmt: skip

    def filter_queryset(self, queryset: object) -> QuerySet[Any, Any]:
        return super().filter_queryset(readable())

    @extend_schema(summary="List how interfaces stand to what is desired")
    def get(self, request: Request) -> Response:
        return super().get(request)


class InterfaceDrift(Refusing, GenericAPIView):
    queryset = Drift.objects.all()  # whose permissions count
    permission_classes = (ChangePermissions,)
    serializer_class = DriftSerializer

    @extend_schema(summary="Show what the last check of an interface found")
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        return Response(DriftSerializer(readable_interface(pk)).data)

    @extend_schema(
        summary="Check an interface for drift now",
        description="Answers 200 whatever it finds: `state` is `unknown` where it found nothing.",
        request=None,
    )
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        return checked(pk)


class NodeDrift(ListAPIView):
    queryset = Drift.objects.all()  # whose permissions count
    serializer_class = DriftSerializer
    filter_backends = ()

    def filter_queryset(self, queryset: object) -> QuerySet[Any, Any]:
        node = get_object_or_404(Node, pk=self.kwargs["pk"])
        return readable().filter(node=node).order_by("name")

    @extend_schema(
        summary="List how the interfaces of a node stand to what is desired",
        operation_id="nodes_drift_list",
    )
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        return super().get(request, pk=pk)


class _Reconcile(Refusing, GenericAPIView):
    """Previews, and with the hash of the preview does it."""

    queryset = ReconcileRun.objects.all()  # whose permissions count
    permission_classes = (StaffModelPermissions,)
    serializer_class = FlagsSerializer

    def reconcile(self, request: Request, interfaces: Sequence[Interface]) -> Response:
        asked = FlagsSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        plan = applying.preview_many(interfaces, asked.flags)
        seen = asked.validated_data.get("plan")
        if seen is None:
            return Response(_told(plan))
        outcome = applying.apply_many(request.user, interfaces, asked.flags, seen)
        return Response(_told(plan, outcome), status.HTTP_202_ACCEPTED)


class NodeReconcile(_Reconcile):
    @extend_schema(
        summary="Preview or do what reconciles the interfaces of a node",
        responses={200: ReconcileSerializer, 202: ReconcileSerializer},
    )
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        node = get_object_or_404(Node, pk=pk)
        return self.reconcile(request, list(readable().filter(node=node).order_by("pk")))


class GroupReconcile(_Reconcile):
    @extend_schema(
        summary="Preview or do what reconciles the interfaces of a group",
        responses={200: ReconcileSerializer, 202: ReconcileSerializer},
    )
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        group = get_object_or_404(NodeGroup, pk=pk)
        return self.reconcile(request, list(readable().filter(node__group=group).order_by("pk")))


class InterfaceReconcile(Refusing, GenericAPIView):
    queryset = ReconcileRun.objects.all()  # whose permissions count
    permission_classes = (StaffModelPermissions,)
    serializer_class = ChoicesSerializer

    @extend_schema(
        summary="Preview or do what reconciles an interface, difference by difference",
        responses={200: ReconcileSerializer, 202: ReconcileSerializer},
    )
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        interface = readable_interface(pk)
        asked = ChoicesSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        plan = FleetPlan((applying.preview(interface, asked.wanted),))
        seen = asked.validated_data.get("plan")
        if seen is None:
            return Response(_told(plan, hash=plan.plans[0].hash))
        run = applying.apply(request.user, interface, asked.wanted, seen)
        outcome = Outcome([run] if run else [])
        return Response(_told(plan, outcome, hash=seen), status.HTTP_202_ACCEPTED)


class InterfaceConflict(Refusing, GenericAPIView):
    queryset = ReconcileRun.objects.all()  # whose permissions count
    permission_classes = (StaffModelPermissions,)
    serializer_class = ChoiceSerializer

    @extend_schema(
        summary="Ask the node what panel and node disagree about", responses=ConflictSerializer
    )
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        return Response(ConflictSerializer(conflicts.inspect(readable_interface(pk))).data)

    @extend_schema(
        summary="Choose whose state of an interface holds", responses={202: RunSerializer}
    )
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        interface = readable_interface(pk)
        asked = ChoiceSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        keep = {"panel": conflicts.keep_panels, "node": conflicts.keep_nodes}
        choose, seen = asked.validated_data["choose"], asked.validated_data["seen"]
        run = keep[choose](request.user, interface, seen)
        return Response(RunSerializer(run).data, status.HTTP_202_ACCEPTED)


def _told(
    plan: FleetPlan, outcome: Outcome | None = None, hash: str | None = None
) -> dict[str, Any]:
    became = outcome or Outcome()
    return {
        "applied": outcome is not None,
        "plan": hash or plan.hash,
        "sessions": plan.sessions,
        "plans": PlanSerializer(plan.plans, many=True).data,
        "unknown": {str(pk): sentence for pk, sentence in plan.unknown.items()},
        "runs": RunSerializer(became.runs, many=True).data,
        "failed": {str(pk): sentence for pk, sentence in became.failed.items()},
    }
