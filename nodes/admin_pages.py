"""What the page of one node offers beyond its form: the live view, and acts by POST."""

import uuid
from collections.abc import Callable
from typing import Any, cast

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_GET, require_POST

from accounts.stepping_up import asked_first
from nodes import rotation
from nodes.admin_actions import polled, rotating
from nodes.calling.client import SignedAnswer, test_connection
from nodes.calling.exchange import AgentError
from nodes.changing import change
from nodes.enrolment import making
from nodes.enrolment.admin import JoinTokenAdmin
from nodes.live import look
from nodes.models import JoinToken, Node
from nodes.object_pages import GONE, object_pages
from nodes.polls.polling import request_polls
from nodes.presentation import skew


class NodePages:
    admin_site: admin.AdminSite
    has_view_permission: Callable[..., bool]
    has_change_permission: Callable[..., bool]

    def get_urls(self) -> list[URLPattern]:
        views = {
            "live": self.live_view,
            "interfaces": self.interfaces_view,
            "test": self.test_view,
            "poll": self.poll_view,
            "maintenance": self.maintenance_view,
            "rotate": self.rotate_view,
            "reenrol": self.reenrol_view,
        }
        return object_pages(self, views) + super().get_urls()  # type: ignore[misc]

    @method_decorator(require_GET)
    def live_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        return self._seen(request, pk, "nodes/live.html")

    @method_decorator(require_GET)
    def interfaces_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        return self._seen(request, pk, "nodes/interfaces.html")

    @method_decorator(require_POST)
    def test_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Make one signed call and say what came of it; nothing is stored."""
        node = self._changeable(request, pk)
        try:
            context: dict[str, Any] = {"answer": _described(test_connection(node))}
        except AgentError as error:
            context = {"error": error}
        return render(request, "nodes/tested.html", context)

    @method_decorator(require_POST)
    def poll_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        node = self._changeable(request, pk)
        messages.success(request, polled(request_polls(Node.objects.filter(pk=pk))))
        return redirect("admin:nodes_node_change", node.pk)

    @method_decorator(require_POST)
    def maintenance_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        node = self._changeable(request, pk)
        wanted = request.POST.get("wanted") == "on"
        change(Node.objects.filter(pk=pk), request.user, maintenance=wanted)
        messages.success(request, f"{node} is {'in' if wanted else 'out of'} maintenance now.")
        return redirect("admin:nodes_node_change", node.pk)

    @method_decorator(require_POST)
    def rotate_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        node = self._changeable(request, pk)
        urgent = request.POST.get("retire") == "now"
        if urgent and (asked := asked_first(request)):
            return asked
        count = rotation.start(Node.objects.filter(pk=pk), request.user, urgent=urgent)
        messages.success(request, rotating(count))
        return redirect("admin:nodes_node_change", node.pk)

    @method_decorator(require_POST)
    @method_decorator(sensitive_variables())
    def reenrol_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Show a line by which a rebuilt server joins as the node that it was."""
        node = self._changeable(request, pk)
        pages = cast(JoinTokenAdmin, self.admin_site.get_model_admin(JoinToken))
        if not pages.has_add_permission(request):
            raise PermissionDenied
        try:
            row, token = making.make_again(request.user, node)
        except ValidationError as error:  # its address was changed to one that is not called
            messages.error(request, f"{node} cannot join again: {' '.join(error.messages)}")
            return redirect("admin:nodes_node_change", node.pk)
        return pages.show_line(request, row, token)

    def _seen(self, request: HttpRequest, pk: uuid.UUID, template: str) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            return render(request, template, {"live": look(pk)})
        except Node.DoesNotExist:
            return render(request, "nodes/gone.html", status=GONE)

    def _changeable(self, request: HttpRequest, pk: uuid.UUID) -> Node:
        node = Node.objects.filter(pk=pk).first()
        if not self.has_change_permission(request, node):
            raise PermissionDenied
        if node is None:
            raise Http404
        return node


def _described(answer: SignedAnswer) -> dict[str, str]:
    return {
        "version": answer.version,
        "latency": f"{answer.latency_ms:.0f} ms",
        "skew": skew(answer.clock_skew_ms),
    }
