import uuid
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ReadOnlyModelViewSet

from nodes.interfaces import InterfaceQuerySet
from nodes.models import Interface
from peers.errors import InterfaceRefused
from peers.interfaces import shaping
from peers.interfaces.filters import InterfaceFilter
from peers.interfaces.serializers import (
    InterfaceCreateSerializer,
    InterfaceDetailSerializer,
    InterfaceSerializer,
    PoolUseSerializer,
)
from peers.pools.capacity import pool_uses
from peers.refusals import Conflict, Refusing


def readable() -> InterfaceQuerySet:
    """Interfaces that nobody removed, with their node and the number of their peers."""
    rows = Interface.objects.present().select_related("node").with_peer_count()
    return rows.defer("node__secret", "node__health_json")


def shown(interface: Interface) -> dict[str, Any]:
    """One interface of `readable`, with the use of its pools."""
    uses = PoolUseSerializer(pool_uses(interface, timezone.now()), many=True)
    return {**InterfaceSerializer(interface).data, "pools": uses.data}


@extend_schema_view(list=extend_schema(summary="List interfaces"))
class InterfaceViewSet(Refusing, ReadOnlyModelViewSet):
    queryset = Interface.objects.all()
    serializer_class = InterfaceSerializer
    filterset_class = InterfaceFilter
    lookup_value_converter = "uuid"
    search_fields = ("name", "node__name", "endpoint_host", "public_key")
    ordering = ("node", "name")
    ordering_fields = {
        "node": "node__name", "name": "name", "condition": "condition", "peers": "peer_count",
        "synced_at": "synced_at", "created_at": "created_at",
    }  # fmt: skip

    def get_queryset(self) -> InterfaceQuerySet:
        return readable()

    @extend_schema(
        summary="Show an interface and the use of its pools", responses=InterfaceDetailSerializer
    )
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return Response(shown(self.get_object()))

    @extend_schema(
        summary="Add an interface to a node",
        request=InterfaceCreateSerializer,
        responses={201: InterfaceDetailSerializer},
    )
    def create(self, request: Request) -> Response:
        asked = InterfaceCreateSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        made = shaping.create(request.user, **asked.validated_data)
        return Response(shown(readable().get(pk=made.pk)), status.HTTP_201_CREATED)

    @extend_schema(summary="Change an interface", responses=InterfaceDetailSerializer)
    def partial_update(self, request: Request, pk: uuid.UUID) -> Response:
        interface = self.get_object()
        sent = InterfaceSerializer(interface, data=request.data, partial=True)
        sent.is_valid(raise_exception=True)
        shaping.change(request.user, interface, **sent.validated_data)
        return Response(shown(readable().get(pk=interface.pk)))

    @extend_schema(
        summary="Take an interface off its node; one with peers must be emptied first",
        responses={204: OpenApiResponse(description="It is removed.")},
    )
    def destroy(self, request: Request, pk: uuid.UUID) -> Response:
        try:
            shaping.remove(request.user, self.get_object())
        except InterfaceRefused as error:
            raise Conflict("interface_has_peers", error.sentence) from error
        return Response(status=status.HTTP_204_NO_CONTENT)
