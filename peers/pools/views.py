"""What is kept of the pools of an interface, and which pools overlap."""

import uuid
from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.permissions import ChangePermissions, StaffModelPermissions
from nodes.models import Interface
from peers.models import AddressReservation
from peers.pools import reservations
from peers.pools.overlaps import overlaps
from peers.pools.serializers import OverlapSerializer, ReservationSerializer
from peers.refusals import Refusing


class EditPermissions(ChangePermissions):
    """What belongs to an interface goes by the right to change that."""

    perms_map = {**ChangePermissions.perms_map, "DELETE": ChangePermissions.perms_map["POST"]}


def row_number(text: str) -> int | None:
    """The id of a row, None for what cannot be one."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 18 else None


def _reserved(interface_id: uuid.UUID) -> QuerySet[AddressReservation]:
    interface = get_object_or_404(Interface.objects.present(), pk=interface_id)
    return interface.reservations.select_related("interface")


class ReservationsView(Refusing, ListAPIView):
    queryset = Interface.objects.all()  # whose permissions count
    permission_classes = (EditPermissions,)
    serializer_class = ReservationSerializer
    filter_backends = ()

    def filter_queryset(self, queryset: object) -> QuerySet[Any, Any]:
        return _reserved(self.kwargs["pk"])

    @extend_schema(summary="List the reserved addresses of an interface")
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        return super().get(request, pk=pk)

    @extend_schema(
        summary="Reserve addresses of an interface", responses={201: ReservationSerializer}
    )
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        interface = get_object_or_404(Interface.objects.present(), pk=pk)
        asked = ReservationSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        wish = asked.validated_data
        first = wish["first_address"]
        last, note = wish.get("last_address", first), wish.get("note", "")
        made = reservations.add(interface, first, last, note)
        return Response(ReservationSerializer(made).data, status.HTTP_201_CREATED)


class ReservationView(Refusing, APIView):
    queryset = Interface.objects.all()  # whose permissions count
    permission_classes = (EditPermissions,)

    @extend_schema(
        summary="Give reserved addresses back",
        responses={204: OpenApiResponse(description="Peers may get them again.")},
    )
    def delete(self, request: Request, pk: uuid.UUID, reservation: str) -> Response:
        reservations.drop(get_object_or_404(_reserved(pk), pk=row_number(reservation)))
        return Response(status=status.HTTP_204_NO_CONTENT)


class OverlapsView(APIView):
    queryset = Interface.objects.all()  # whose permissions count
    permission_classes = (StaffModelPermissions,)

    @extend_schema(
        summary="List the pools of different interfaces that overlap",
        operation_id="interfaces_overlaps_list",
        responses=OverlapSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        found = [{"pools": overlap.claims()} for overlap in overlaps()]
        return Response(OverlapSerializer(found, many=True).data)
