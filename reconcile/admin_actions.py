"""What an operator does to many interfaces at once, such as those of a node or of a group."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.contrib import admin, messages
from django.contrib.admin import helpers
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from unfold.decorators import action

from nodes.models import Interface
from reconcile.checks import drift_schedule
from reconcile.checks.drift import Item
from reconcile.decisions import applying
from reconcile.decisions.applying import FleetPlan, Outcome, PlanChanged
from reconcile.decisions.plans import Plan
from reconcile.forms import FlagsForm
from reconcile.models import Drift
from reconcile.permissions import DECIDE

MOST = 200  # of which a person can read the preview
FAILURES_TOLD = 3


@dataclass(frozen=True, slots=True)
class Line:
    """What a preview shows of one interface: its plan, or why there is none."""

    interface: Interface
    plan: Plan | None
    unknown: str

    @property
    def items(self) -> list[Item]:
        return [step.item for step in self.plan.steps] if self.plan else []


class DriftActions:
    actions = ("check_now", "reconcile")
    admin_site: admin.AdminSite

    @action(description="Check now", permissions=["change"])
    def check_now(self, request: HttpRequest, rows: QuerySet[Drift]) -> None:
        known = drift_schedule.checkable().filter(pk__in=rows.order_by().values("interface"))
        count = drift_schedule.request(known.values_list("pk", flat=True))
        messages.success(request, f"{_interfaces(count)} will be checked now.")

    @action(description="Reconcile …", permissions=["decide"])
    def reconcile(self, request: HttpRequest, rows: QuerySet[Drift]) -> HttpResponse | None:
        """Preview what the chosen kinds come to; with the preview's hash do it."""
        interfaces, form = _chosen(rows), FlagsForm.sent(request)
        if len(interfaces) > MOST:
            messages.error(request, f"Choose at most {MOST} interfaces: a node's, or a group's.")
            return None
        if "agreed" not in request.POST:
            return self._preview(request, interfaces, form)
        try:
            seen = request.POST.get("plan", "")
            outcome = applying.apply_many(request.user, interfaces, form.flags, seen)
        except PlanChanged as error:
            messages.error(request, str(error))
            return self._preview(request, interfaces, form)
        _tell(request, interfaces, outcome)
        return None

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(DECIDE)

    def _preview(
        self, request: HttpRequest, interfaces: list[Interface], form: FlagsForm
    ) -> HttpResponse:
        plan = applying.preview_many(interfaces, form.flags)
        context = {
            **self.admin_site.each_context(request),
            "title": "Reconcile interfaces",
            "opts": Drift._meta,
            "form": form,
            "plan": plan,
            "lines": list(_lines(interfaces, plan)),
            "selected": request.POST.getlist(helpers.ACTION_CHECKBOX_NAME),
            "checkbox_name": helpers.ACTION_CHECKBOX_NAME,
            "select_across": request.POST.get("select_across", "0"),
        }
        return TemplateResponse(request, "reconcile/reconcile_selected.html", context)


def _chosen(rows: QuerySet[Drift]) -> list[Interface]:
    found = Interface.objects.present().filter(pk__in=rows.order_by().values("interface"))
    found = found.select_related("node").defer("node__secret", "node__health_json")
    return list(found.order_by("node__name", "name")[: MOST + 1])


def _lines(interfaces: list[Interface], plan: FleetPlan) -> Iterator[Line]:
    plans = {one.interface_id: one for one in plan.plans}
    for interface in interfaces:
        yield Line(interface, plans.get(interface.pk), plan.unknown.get(interface.pk, ""))


def _tell(request: HttpRequest, interfaces: list[Interface], outcome: Outcome) -> None:
    told = f"{_interfaces(len(outcome.runs))} will be set right as previewed."
    messages.success(request, told)
    names = {interface.pk: str(interface) for interface in interfaces}
    for pk, sentence in list(outcome.failed.items())[:FAILURES_TOLD]:
        messages.error(request, f"{names[pk]}: {sentence}")
    if (more := len(outcome.failed) - FAILURES_TOLD) > 0:
        messages.error(request, f"{_interfaces(more)} more failed; their pages say why.")


def _interfaces(count: int) -> str:
    return "1 interface" if count == 1 else f"{count} interfaces"
