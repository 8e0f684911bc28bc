"""The files of peers, as text, QR code and zip; whoever takes one is remembered to have it."""

import uuid
from typing import Any

from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.request import Request

from accounts.permissions import check_password_typed
from peers.configuration import archive, delivery, qr
from peers.errors import clock
from peers.many.serializers import PeerSelectionSerializer
from peers.models import Peer
from peers.permissions import HandOutPermissions
from peers.querysets import PeerQuerySet
from peers.refusals import Conflict, Refusing

TEXT, SVG, ZIP = "text/plain", "image/svg+xml", "application/zip"
PRIVATE = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}


class AnyAccept(DefaultContentNegotiation):
    """A file comes in the one form that it has; only refusals are JSON."""

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> Any:
        return renderers[0], renderers[0].media_type


class FileView(Refusing, GenericAPIView):
    """Answers with a file."""

    queryset = Peer.objects.all()  # whose permissions count
    permission_classes = (HandOutPermissions,)
    content_negotiation_class = AnyAccept


class ConfigView(FileView):
    serializer_class = None

    @extend_schema(summary="Take the configuration of a peer", responses={(200, TEXT): str})
    @sensitive_variables()
    def get(self, request: Request, pk: uuid.UUID) -> HttpResponse:
        file = delivery.deliver(_deliverable(pk))
        return as_attachment(file.name, file.text.encode(), TEXT)


class QrView(FileView):
    serializer_class = None

    @extend_schema(
        summary="Take the configuration of a peer as QR code",
        responses={(200, SVG): OpenApiTypes.STR},
    )
    @sensitive_variables()
    def get(self, request: Request, pk: uuid.UUID) -> HttpResponse:
        peer = _deliverable(pk)
        try:
            code = qr.of_conf(delivery.file_of(peer).conf)
        except qr.NoQrCode as error:
            raise Conflict("no_qr_code", str(error)) from error
        delivery.note_delivered([peer])
        warning = {"X-Warning": code.warning} if code.warning else {}
        return HttpResponse(_alone(code.svg), content_type=SVG, headers={**PRIVATE, **warning})


class ExportView(FileView):
    serializer_class = PeerSelectionSerializer

    @extend_schema(
        summary="Take the configurations of several peers as one zip",
        description="An index in it says of every peer which file is its own, or why it has none.",
        responses={(200, ZIP): OpenApiTypes.BINARY},
    )
    def post(self, request: Request) -> StreamingHttpResponse:
        check_password_typed(request)
        asked = PeerSelectionSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        return as_zip(asked.peers)


def as_zip(peers: PeerQuerySet) -> StreamingHttpResponse:
    """Answer with the files of `peers`."""
    headers = {**PRIVATE, "Content-Disposition": 'attachment; filename="peers.zip"'}
    return StreamingHttpResponse(archive.stream(peers), content_type=ZIP, headers=headers)


def as_attachment(name: str, content: bytes, media_type: str) -> HttpResponse:
    """Answer with a file for the disk; `name` has letters that need no quoting."""
    headers = {**PRIVATE, "Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(content, content_type=media_type, headers=headers)


def deliverable() -> PeerQuerySet:
    """Peers with all that their files are made of."""
    rows = Peer.objects.existing().select_related("interface__node")
    rows = rows.defer("interface__node__secret", "interface__node__health_json")
    return rows.prefetch_related("addresses__interface")


def _deliverable(pk: uuid.UUID) -> Peer:
    peer = get_object_or_404(deliverable(), pk=pk)
    if peer.expires_at and peer.is_expired(timezone.now()):
        raise Conflict("peer_expired", f"The peer expired at {clock(peer.expires_at)}.")
    return peer


def _alone(svg: str) -> str:
    """An element of a page as a document of its own."""
    return svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
