"""What the page of one peer offers beyond its form: the live view, and acts by POST."""

import uuid
from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.response import TemplateResponse
from django.urls import URLPattern
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_GET, require_POST

from nodes.object_pages import GONE, object_pages
from peers import changing
from peers.configuration.handing_out import handed_out
from peers.errors import Refused
from peers.models import Peer
from peers.peer_page import look
from peers.permissions import VIEW_CONFIGURATION
from peers.sharing import links as share_links

PRIVATE = {"Cache-Control": "no-store"}


class PeerPages:
    HAND_OUT = VIEW_CONFIGURATION
    admin_site: admin.AdminSite
    has_view_permission: Callable[..., bool]
    has_change_permission: Callable[..., bool]

    def get_urls(self) -> list[URLPattern]:
        views = {
            "live": self.live_view,
            "file": self.file_view,
            "link": self.link_view,
            "enable": self.enable_view,
            "disable": self.disable_view,
            "rotate": self.rotate_view,
        }
        return object_pages(self, views) + super().get_urls()  # type: ignore[misc]

    @method_decorator(require_GET)
    def live_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            return render(request, "peers/live.html", {"seen": look(pk)})
        except Peer.DoesNotExist:
            return render(request, "peers/gone.html", status=GONE)

    @method_decorator(require_POST)
    @method_decorator(sensitive_variables())
    def file_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Hand out the file: a POST, because the panel remembers it."""
        peer = self._handed(request, pk)
        context = {"handed": handed_out(peer)}
        return TemplateResponse(request, "peers/file.html", context, headers=PRIVATE)

    @method_decorator(require_POST)
    @method_decorator(sensitive_variables())
    def link_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Make a link that may be used once; it is shown this once."""
        peer, context = self._handed(request, pk), dict[str, Any]()
        try:
            link = share_links.create(peer, request.user)
            context = {"url": request.build_absolute_uri(link.path), "link": link.link}
        except Refused as error:
            context = {"refusal": error.sentence}
        return TemplateResponse(request, "peers/link.html", context, headers=PRIVATE)

    @method_decorator(require_POST)
    def enable_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        return self._act(request, pk, changing.enable, "may connect again")

    @method_decorator(require_POST)
    def disable_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        return self._act(request, pk, changing.disable, "is taken off its node now")

    @method_decorator(require_POST)
    def rotate_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        said = "has a new preshared key: hand out its file again"
        return self._act(request, pk, changing.rotate_preshared_key, said)

    def _act(
        self, request: HttpRequest, pk: uuid.UUID, act: Callable[..., Peer], said: str
    ) -> HttpResponse:
        if not self.has_change_permission(request):
            raise PermissionDenied
        peer = _present(pk)
        try:
            act(request.user, peer)
            messages.success(request, f"{peer} {said}.")
        except Refused as error:
            messages.error(request, error.sentence)
        return redirect("admin:peers_peer_change", pk)

    def _handed(self, request: HttpRequest, pk: uuid.UUID) -> Peer:
        if not (self.has_view_permission(request) and request.user.has_perm(self.HAND_OUT)):
            raise PermissionDenied
        return _present(pk)


def _present(pk: uuid.UUID) -> Peer:
    peer = Peer.objects.existing().filter(pk=pk).first()
    if peer is None:
        raise Http404
    return peer
