"""The page of one interface's drift: look, choose, preview, do exactly that."""

import uuid
from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_POST

from keyring.sealing import SecretLocked
from nodes.calling.exchange import AgentError
from nodes.interfaces import Condition
from nodes.models import Interface
from nodes.object_pages import object_pages
from reconcile.checks import checking
from reconcile.checks.drift import Item
from reconcile.decisions import applying, conflicts
from reconcile.decisions.adopting import NotAdoptable
from reconcile.decisions.applying import NothingKnown, PlanChanged
from reconcile.decisions.plans import Act
from reconcile.documents import NotRendered
from reconcile.models import Drift, DriftState
from reconcile.permissions import DECIDE

REFUSALS = (NothingKnown, PlanChanged, NotAdoptable, NotRendered, SecretLocked, AgentError)
SHOWN = 200
CHOICE = "act-"  # and the identity of the item


class DriftPages:
    admin_site: admin.AdminSite
    opts: Any
    has_view_permission: Callable[..., bool]
    has_change_permission: Callable[..., bool]

    def get_urls(self) -> list[URLPattern]:
        views = {
            "check": self.check_view,
            "plan": self.plan_view,
            "apply": self.apply_view,
            "tell-again": self.tell_again_view,
            "conflict": self.conflict_view,
        }
        return object_pages(self, views) + super().get_urls()  # type: ignore[misc]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            return self._page(request, _interface(uuid.UUID(object_id)))
        except ValueError as error:
            raise Http404 from error

    @method_decorator(require_POST)
    def check_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Ask the node now; what was found is stored, whatever it is."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        checking.check(_interface(pk))
        return redirect("admin:reconcile_drift_change", pk)

    @method_decorator(require_POST)
    def plan_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Say what the choices come to, before anything is done."""
        interface = self._to_decide(request, pk)
        try:
            plan = applying.preview(interface, _chosen(request))
        except REFUSALS as error:
            return self._refused(request, pk, error)
        if not plan:
            messages.warning(request, "Nothing is chosen.")
            return redirect("admin:reconcile_drift_change", pk)
        return self._page(request, interface, plan=plan, chosen=_chosen(request))

    @method_decorator(require_POST)
    def apply_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        interface = self._to_decide(request, pk)
        try:
            applying.apply(request.user, interface, _chosen(request), request.POST.get("plan", ""))
        except REFUSALS as error:
            return self._refused(request, pk, error)
        messages.success(request, "Done as previewed; what the node has to do, it is told now.")
        return redirect("admin:reconcile_drift_change", pk)

    @method_decorator(require_POST)
    def tell_again_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """End the ignoring, and ask the node for what is to be told again."""
        interface = self._to_decide(request, pk)
        applying.tell_again(interface)
        checking.check(interface)
        return redirect("admin:reconcile_drift_change", pk)

    @method_decorator(require_POST)
    def conflict_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Without a choice ask the node; with one let that side's state hold, as it was seen."""
        interface, choose = self._to_decide(request, pk), request.POST.get("choose")
        keep = {"panel": conflicts.keep_panels, "node": conflicts.keep_nodes}
        try:
            if choose not in keep:
                return self._page(request, interface, standing=conflicts.inspect(interface))
            keep[choose](request.user, interface, request.POST.get("seen", ""))
        except REFUSALS as error:
            return self._refused(request, pk, error)
        messages.success(request, f"The {choose}'s state holds; the node is told now.")
        return redirect("admin:reconcile_drift_change", pk)

    def _to_decide(self, request: HttpRequest, pk: uuid.UUID) -> Interface:
        if not (self.has_view_permission(request) and request.user.has_perm(DECIDE)):
            raise PermissionDenied
        return _interface(pk)

    def _refused(self, request: HttpRequest, pk: uuid.UUID, error: Exception) -> HttpResponse:
        messages.error(request, str(error))
        return redirect("admin:reconcile_drift_change", pk)

    def _page(self, request: HttpRequest, interface: Interface, **more: Any) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            **_found(interface, more.get("chosen", {})),
            "opts": self.opts,
            "title": f"Drift of {interface}",
            "decides": request.user.has_perm(DECIDE),
            "checks": self.has_change_permission(request),
            "now": timezone.now(),
            **more,
        }
        return TemplateResponse(request, "reconcile/drift.html", context)


def _interface(pk: uuid.UUID) -> Interface:
    rows = Interface.objects.present().select_related("node", "drift")
    return get_object_or_404(rows.defer("node__secret", "node__health_json"), pk=pk)


def _found(interface: Interface, chosen: dict[str, Act]) -> dict[str, Any]:
    row = Drift.objects.filter(interface=interface).first() or Drift(interface=interface)
    items = [Item.parse(told) for told in row.items[:SHOWN]]
    runs = interface.reconcile_runs.defer("actions", "removals")
    return {
        "interface": interface,
        "condition": Condition(interface.condition),
        "is_conflict": interface.condition == Condition.CONFLICT,
        "drift": row,
        "state": DriftState(row.state),
        "rows": [(item, chosen.get(item.identity, "")) for item in items],
        "acts": Act.choices,
        "records": interface.drift_records.defer("items")[:10],
        "runs": runs.select_related("started_by")[:10],
    }


def _chosen(request: HttpRequest) -> dict[str, Act]:
    sent = request.POST.items()
    named = {name.removeprefix(CHOICE): value for name, value in sent if name.startswith(CHOICE)}
    return {identity: Act(value) for identity, value in named.items() if value in Act.values}
