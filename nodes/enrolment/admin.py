"""“Add node”: make the line to paste, and watch the node come."""

import uuid
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.response import TemplateResponse
from django.urls import URLPattern, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_GET, require_POST
from unfold.admin import ModelAdmin
from unfold.decorators import display

from accounts.stepping_up import asked_first
from nodes.enrolment import calling, joining, making
from nodes.enrolment.errors import JoinRefused
from nodes.enrolment.forms import JoinTokenForm
from nodes.enrolment.join_token import TONES, JoinToken
from nodes.enrolment.progress import look
from nodes.enrolment.wheel import agent_wheel
from nodes.object_pages import GONE, object_pages

PRIVATE = {"Cache-Control": "no-store"}
LABELS = {step.label: tone for step, tone in TONES.items()}


class JoinTokenAdmin(ModelAdmin):
    """Tokens are made, shown once, watched and revoked; never changed."""

    form = JoinTokenForm
    fields = (
        "name", "group", "weight", "max_peers", "minutes", "dial_url", "source", "wants_approval",
    )  # fmt: skip
    list_display = ("__str__", "state", "group", "created_by", "created_at", "expires_at", "node")
    list_select_related = ("group", "created_by", "node")
    ordering = ("-created_at",)

    @display(description="State", label=LABELS)
    def state(self, token: JoinToken) -> str:
        return token.step.label

    def get_queryset(self, request: HttpRequest) -> QuerySet[JoinToken]:
        return super().get_queryset(request).defer("key", "hello", "node__secret")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        told = _by_hand() if request.user.has_perm("nodes.add_node") else ""
        return [(None, {"fields": self.fields, "description": told})]

    def get_urls(self) -> list[URLPattern]:
        views = {
            "live": self.live_view,
            "revoke": self.revoke_view,
            "approve": self.approve_view,
            "call": self.call_view,
            "seen": self.seen_view,
        }
        return object_pages(self, views) + super().get_urls()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        context = {"title": "Add a node", **(extra_context or {})}
        return super().add_view(request, form_url, context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """What became of a token: for reading, with what can be done about it."""
        token = self.get_object(request, object_id)
        if not self.has_view_permission(request, token):
            raise PermissionDenied
        if token is None:
            raise Http404
        return self._page(request, token)

    @sensitive_variables()
    def save_model(
        self, request: HttpRequest, obj: JoinToken, form: JoinTokenForm, change: bool
    ) -> None:
        obj.plaintext = making.issue(obj, request.user, form.cleaned_data["minutes"])  # type: ignore[attr-defined]
        obj.save()

    @sensitive_variables()
    def response_add(
        self, request: HttpRequest, obj: JoinToken, post_url_continue: Any = None
    ) -> HttpResponse:
        """Show the line: here, once."""
        return self.show_line(request, obj, obj.plaintext)  # type: ignore[attr-defined]

    @sensitive_variables()
    def show_line(self, request: HttpRequest, row: JoinToken, token: str) -> HttpResponse:
        return self._page(request, row, lines=making.lines(row, token, making.panel_url(request)))

    def _page(self, request: HttpRequest, token: JoinToken, **shown: Any) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": f"Re-enrol {token.node}" if token.is_again else "Add a node",
            "opts": self.opts,
            "progress": look(token.pk),
            "wheel": agent_wheel().name,
            "has_change_permission": self.has_change_permission(request),
            **shown,
        }
        return TemplateResponse(request, "nodes/join_token.html", context, headers=PRIVATE)

    @method_decorator(require_GET)
    def live_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            progress = look(pk)
        except JoinToken.DoesNotExist as error:
            raise Http404 from error
        shown = {"progress": progress, "has_change_permission": self.has_change_permission(request)}
        return render(
            request, "nodes/join_live.html", shown, status=GONE if progress.is_over else 200
        )

    @method_decorator(require_POST)
    def revoke_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        if making.revoke(self._changeable(request, pk)):
            messages.success(request, "Nobody can join with this token any more.")
        else:
            messages.error(request, "The token was used or revoked before.")
        return redirect("admin:nodes_jointoken_change", pk)

    @method_decorator(require_POST)
    def approve_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        try:
            node = joining.approve(self._changeable(request, pk), request.user)
            messages.success(request, f"{node} may come in.")
        except JoinRefused as error:
            messages.error(request, str(error))
        return redirect("admin:nodes_jointoken_change", pk)

    @method_decorator(require_POST)
    def call_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        try:
            problem = calling.call_now(self._changeable(request, pk).pk).call_problem
        except calling.NothingToCall:
            problem = "Nothing waits for a call with this token."
        if problem:
            messages.error(request, problem)
        else:
            messages.success(request, "The node was called, and answered.")
        return redirect("admin:nodes_jointoken_change", pk)

    @method_decorator(require_POST)
    def seen_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Somebody has looked at the alarm about a second use."""
        self._changeable(request, pk)
        if asked := asked_first(request):
            return asked
        JoinToken.objects.filter(pk=pk).update(alarm_seen_at=timezone.now())
        return redirect("admin:nodes_jointoken_change", pk)

    def _changeable(self, request: HttpRequest, pk: uuid.UUID) -> JoinToken:
        token = JoinToken.objects.filter(pk=pk).first()
        if not self.has_change_permission(request, token):
            raise PermissionDenied
        if token is None:
            raise Http404
        return token


def _by_hand() -> str:
    """The way for those who bring a secret of their own."""
    return format_html(
        "The line to paste on the new server comes next. A secret can be set by hand as well:"
        ' <a class="wg-link" href="{}">add a node with a secret of its own</a>.',
        reverse("admin:nodes_node_add"),
    )
