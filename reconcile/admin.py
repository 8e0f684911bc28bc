"""How interfaces stand to what is desired: a list, and a page on which an operator decides."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter
from unfold.decorators import display

from accounts.list_rows import ListRows
from nodes.interfaces import Condition
from nodes.paging import KeyPaginator
from nodes.presentation import badge, when
from reconcile.admin_actions import DriftActions
from reconcile.admin_filters import GroupFilter
from reconcile.admin_pages import DriftPages
from reconcile.models import Drift, DriftState


@admin.register(Drift)
class DriftAdmin(DriftActions, DriftPages, ListRows):
    list_display = ("named", "found", "differences", "desired", "checked")
    list_filter = (
        ("state", ChoicesDropdownFilter), GroupFilter,
        ("interface__node", AutocompleteSelectFilter),
    )  # fmt: skip
    list_filter_submit = True
    list_fullwidth = True
    list_per_page = 50
    paginator = KeyPaginator
    ordering = ("interface__node__name", "interface__name")
    search_fields = ("interface__node__name", "interface__name")
    show_facets = admin.ShowFacets.NEVER
    list_before_template = "nodes/list_top.html"

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super().get_queryset(request).select_related("interface__node")
        rows = rows.filter(interface__removed_at=None).defer("items", "live", "ignored")
        return rows.defer("interface__node__secret", "interface__node__health_json")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @display(description="Interface", ordering="interface__node__name")
    def named(self, row: Drift) -> str:
        return f"{row.interface.node.name} / {row.interface.name}"

    @display(description="Drift", ordering="state")
    def found(self, row: Drift) -> SafeString:
        state = DriftState(row.state)
        return badge(state.label, state.tone, row.reason)

    @display(description="Differences", ordering="count")
    def differences(self, row: Drift) -> int:
        return row.count

    @display(description="Desired state", ordering="interface__condition")
    def desired(self, row: Drift) -> SafeString:
        condition = Condition(row.interface.condition)
        return badge(condition.label, condition.tone, row.interface.condition_reason)

    @display(description="Checked", ordering="checked_at")
    def checked(self, row: Drift) -> SafeString:
        return when(row.checked_at, timezone.now())
