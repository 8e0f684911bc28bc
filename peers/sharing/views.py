"""Links by which somebody without an account takes the file of one peer."""

import uuid
from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.views.decorators.debug import sensitive_variables
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from peers.models import Peer, ShareLink
from peers.permissions import HandOutPermissions
from peers.querysets import ShareLinkQuerySet
from peers.refusals import Refusing
from peers.sharing import links as share_links
from peers.sharing.serializers import (
    LinkWishSerializer,
    NewLinkSerializer,
    RevokedSerializer,
    ShareLinkSerializer,
)


class ShareLinksView(Refusing, ListAPIView):
    queryset = Peer.objects.all()  # whose permissions count
    permission_classes = (HandOutPermissions,)
    serializer_class = ShareLinkSerializer
    filter_backends = ()

    def filter_queryset(self, queryset: object) -> QuerySet[Any, Any]:
        links = _links_of(self.kwargs["pk"]).select_related("created_by")
        return links.order_by("-created_at", "-pk")

    @extend_schema(summary="List the share links of a peer")
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        return super().get(request, pk=pk)

    @extend_schema(
        summary="Make a share link to the configuration of a peer",
        request=LinkWishSerializer,
        responses={201: NewLinkSerializer},
    )
    @sensitive_variables()
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        peer = get_object_or_404(Peer.objects.existing(), pk=pk)
        asked = LinkWishSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        new = share_links.create(peer, request.user, **asked.validated_data)
        shown = {
            **ShareLinkSerializer(new.link).data,
            "url": request.build_absolute_uri(new.path),
        }
        return Response(shown, status.HTTP_201_CREATED, headers={"Cache-Control": "no-store"})

    @extend_schema(
        summary="Revoke all share links of a peer",
        operation_id="peers_share_links_revoke_all",
        responses={200: RevokedSerializer},
    )
    def delete(self, request: Request, pk: uuid.UUID) -> Response:
        return Response({"revoked": _links_of(pk).revoke()})


class ShareLinkView(Refusing, APIView):
    queryset = Peer.objects.all()  # whose permissions count
    permission_classes = (HandOutPermissions,)

    @extend_schema(
        summary="Revoke a share link",
        request=None,
        responses={204: OpenApiResponse(description="Nobody can use it any more.")},
    )
    def delete(self, request: Request, pk: uuid.UUID, lookup: str) -> Response:
        link = get_object_or_404(_links_of(pk), lookup=lookup)
        ShareLink.objects.filter(pk=link.pk).revoke()
        return Response(status=status.HTTP_204_NO_CONTENT)


def _links_of(pk: uuid.UUID) -> ShareLinkQuerySet:
    return ShareLink.objects.filter(peer=get_object_or_404(Peer.objects.existing(), pk=pk))
