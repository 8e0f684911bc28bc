import uuid
from typing import Any

from django.views.decorators.debug import sensitive_variables
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiParameter,
    OpenApiResponse,
    extend_schema,
    extend_schema_view,
)
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ReadOnlyModelViewSet

from accounts.permissions import ChangePermissions
from nodes.paging import KeyPaginator
from peers import changing, removing
from peers.configuration import delivery
from peers.configuration.client_conf import NoClientConf
from peers.creation import creating
from peers.creation.creating import Created
from peers.creation.serializers import CreatedSerializer, PeerCreateSerializer
from peers.filters import PeerFilter
from peers.models import Peer
from peers.paging import SearchPaginator
from peers.permissions import VIEW_CONFIGURATION
from peers.querysets import PeerQuerySet
from peers.refusals import Refusing
from peers.serializers import PeerSerializer

IDEMPOTENCY_KEY = "Idempotency-Key"
MOST_KEY_CHARACTERS = 255


def readable() -> PeerQuerySet:
    """Peers with all that an answer shows of them, and without any secret."""
    related = Peer.objects.existing().select_related("interface__node__group")
    return related.defer(
        "preshared_key", "private_key", "interface__node__secret", "interface__node__health_json"
    ).prefetch_related("addresses")


@extend_schema_view(
    list=extend_schema(summary="List peers"),
    retrieve=extend_schema(summary="Show a peer"),
)
class PeerViewSet(Refusing, ReadOnlyModelViewSet):
    queryset = Peer.objects.all()
    serializer_class = PeerSerializer
    filterset_class = PeerFilter
    lookup_value_converter = "uuid"
    ordering = ("name",)
    ordering_fields = {
        "name": "name", "node": "interface__node__name", "interface": "interface__name",
        "expires_at": "expires_at", "last_handshake_at": "last_handshake_at",
        "rx_bytes": "rx_bytes", "tx_bytes": "tx_bytes", "created_at": "created_at",
    }  # fmt: skip

    def get_queryset(self) -> PeerQuerySet:
        return readable()

    def paginate_queryset(self, queryset: Any) -> Any:
        paginator: Any = self.paginator
        searches = self.request.query_params.get("search")
        paginator.django_paginator_class = SearchPaginator if searches else KeyPaginator
        return super().paginate_queryset(queryset)

    @extend_schema(
        summary="Create a peer",
        description="A place on a node, an address of each pool and the keys come with it. A"
        " request that is sent again with the same key within a day gets the same peer.",
        parameters=[
            OpenApiParameter(
                IDEMPOTENCY_KEY, OpenApiTypes.STR, OpenApiParameter.HEADER,
                description=f"At most {MOST_KEY_CHARACTERS} printable ASCII characters.",
            )
        ],
        request=PeerCreateSerializer,
        responses={201: CreatedSerializer},
    )  # fmt: skip
    @sensitive_variables()
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        asked = PeerCreateSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        if asked.makes_key and not request.user.has_perm(VIEW_CONFIGURATION):
            raise PermissionDenied("Nobody could take the key: send the client's public key.")
        key = _idempotency_key(request)
        made = creating.create(request.user, asked.where, key=key, **asked.wish)
        return Response(_created(made, request), status.HTTP_201_CREATED)

    @extend_schema(summary="Change a peer")
    def partial_update(self, request: Request, pk: uuid.UUID) -> Response:
        peer = self.get_object()
        sent = PeerSerializer(peer, data=request.data, partial=True)
        sent.is_valid(raise_exception=True)
        return _shown(changing.change(request.user, peer, **sent.validated_data))

    @extend_schema(
        summary="Remove a peer", responses={204: OpenApiResponse(description="It is removed.")}
    )
    def destroy(self, request: Request, pk: uuid.UUID) -> Response:
        removing.remove(request.user, self.get_object())
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(summary="Let a peer connect", request=None, responses=PeerSerializer)
    @action(detail=True, methods=["post"], permission_classes=[ChangePermissions])
    def enable(self, request: Request, pk: uuid.UUID) -> Response:
        return _shown(changing.enable(request.user, self.get_object()))

    @extend_schema(summary="Keep a peer from connecting", request=None, responses=PeerSerializer)
    @action(detail=True, methods=["post"], permission_classes=[ChangePermissions])
    def disable(self, request: Request, pk: uuid.UUID) -> Response:
        return _shown(changing.disable(request.user, self.get_object()))

    @extend_schema(
        summary="Give a peer a new preshared key",
        description="Its client cannot connect until it has taken its configuration again.",
        request=None,
        responses=PeerSerializer,
    )
    @action(
        detail=True, methods=["post"], url_path="rotate-psk", permission_classes=[ChangePermissions]
    )
    def rotate_psk(self, request: Request, pk: uuid.UUID) -> Response:
        return _shown(changing.rotate_preshared_key(request.user, self.get_object()))


def _shown(peer: Peer) -> Response:
    return Response(PeerSerializer(readable().get(pk=peer.pk)).data)


def _idempotency_key(request: Request) -> str:
    key = request.headers.get(IDEMPOTENCY_KEY, "")
    if len(key) > MOST_KEY_CHARACTERS or not (key.isascii() and key.isprintable()):
        sentence = f"At most {MOST_KEY_CHARACTERS} printable ASCII characters."
        raise ValidationError({IDEMPOTENCY_KEY: [sentence]})
    return key


@sensitive_variables()
def _created(made: Created, request: Request) -> dict[str, Any]:
    peer = readable().get(pk=made.peer.pk)
    told = {
        **PeerSerializer(peer).data, "config": None, "no_config": "",
        "private_key": made.private_key, "is_repeat": made.is_repeat,
    }  # fmt: skip
    if not request.user.has_perm(VIEW_CONFIGURATION):
        return {**told, "no_config": f"Needs the right {VIEW_CONFIGURATION}."}
    try:
        return {**told, "config": delivery.deliver(peer, made.private_key).text}
    except NoClientConf as error:
        return {**told, "no_config": str(error)}
