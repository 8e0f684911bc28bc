from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from unfold.admin import ModelAdmin
from unfold.sections import TemplateSection

from accounts.history_admin import HistoryAdmin
from accounts.stepping_up import needs_password_to_act
from groups.models import NodeGroup
from nodes import admin_filters as filters
from nodes.admin_actions import NodeActions
from nodes.admin_columns import NodeColumns
from nodes.admin_pages import NodePages
from nodes.banners import banners
from nodes.enrolment.admin import JoinTokenAdmin
from nodes.forms import NodeForm, secret_state
from nodes.group_admin import FleetGroupAdmin
from nodes.keyed import SECRETS
from nodes.live import look
from nodes.models import TRANSPORT_FIELDS, FleetAlarm, JoinToken, Node, PollingPolicy
from nodes.polls.polling import request_polls
from nodes.querysets import NodeQuerySet
from nodes.removal import CannotForget, forget, obstacle, what_goes_with
from nodes.serializers import SECRET_REPLACED
from nodes.setup_lines import setup_lines

admin.site.register(JoinToken, JoinTokenAdmin)
ASKED_ANOTHER_WAY = {*TRANSPORT_FIELDS, "secret", "enabled"}


class InterfacesSection(TemplateSection):
    """An open row of the list: asks for the node's interfaces when it is opened, not before."""

    template_name = "nodes/section.html"


@admin.register(Node)
class NodeAdmin(NodePages, NodeActions, NodeColumns, HistoryAdmin):
    form = NodeForm
    fieldsets = (
        ("Node", {"fields": ("name", "group", "agent_url", "new_secret")}),
        ("Transport", {"fields": ("tls_pin", "next_tls_pin", "allow_plain_http")}),
        ("Use", {"fields": ("enabled", "maintenance", "max_peers", "weight")}),
    )
    list_display = (
        "named", "stands", "peers", "scored", "cpu", "memory", "disk", "reported", "group_name",
        "agent",
    )  # fmt: skip
    list_filter = (
        filters.StandingFilter, filters.GroupFilter, filters.RegionFilter,
        filters.MaintenanceFilter, filters.EnabledFilter,
    )  # fmt: skip
    list_filter_submit = True
    list_fullwidth = True
    list_per_page = 50
    list_sections = (InterfacesSection,)
    list_select_related = ("group",)
    list_before_template = "nodes/list_top.html"
    search_fields = ("name", "agent_url", "group__name")
    ordering = ("name",)
    show_facets = admin.ShowFacets.NEVER
    change_form_outer_before_template = "nodes/page_top.html"
    delete_confirmation_template = "nodes/forget.html"
    delete_selected_confirmation_template = "nodes/forget_selected.html"

    def get_queryset(self, request: HttpRequest) -> NodeQuerySet:
        nodes = super().get_queryset(request).with_standing(PollingPolicy.current().interval)
        return nodes.defer("health_json", *SECRETS)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions = super().get_actions(request)
        if "delete_selected" in actions:
            function, name, _ = actions["delete_selected"]
            actions["delete_selected"] = (needs_password_to_act(function), name, "Forget …")
        return actions

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        context = {"title": "Nodes", "banners": banners(timezone.now()), **(extra_context or {})}
        try:
            return super().changelist_view(request, context)
        except CannotForget as error:
            return self._refuse(request, error)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        node = self.get_object(request, object_id)
        context: dict[str, Any] = {"show_delete": False, **(extra_context or {})}
        if node is not None:
            context |= {"live": look(node.pk), "setup": setup_lines(node)}
            context["is_locked"] = secret_state(node) == "locked"
        return super().change_view(request, object_id, form_url, context)

    def save_model(self, request: HttpRequest, obj: Node, form: NodeForm, change: bool) -> None:
        """Save what was typed and nothing else: a poll may be writing the same row."""
        obj._history_user = request.user  # type: ignore[attr-defined]  # read by simple_history
        typed = set(form.changed_data) - {"new_secret"}
        if form.cleaned_data.get("new_secret"):
            typed |= {*obj.take_secret(form.cleaned_data["new_secret"])}
            obj._change_reason = SECRET_REPLACED if change else None  # type: ignore[attr-defined]
        obj.save(update_fields=[*typed, "updated_at"] if change else None)
        if ASKED_ANOTHER_WAY & typed:
            request_polls(Node.objects.filter(pk=obj.pk))

    def response_add(
        self, request: HttpRequest, obj: Node, post_url_continue: Any = None
    ) -> HttpResponse:
        """Lead to the new node's page, which says what its agent must be told."""
        if "_addanother" in request.POST or not self.has_view_permission(request, obj):
            return super().response_add(request, obj, post_url_continue)
        messages.success(request, f"{obj} is added. Set up its agent as said below, then test it.")
        return redirect("admin:nodes_node_change", obj.pk)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[list, dict, set, list]:
        """Return what goes, as sentences for each node, and which nodes cannot be forgotten."""
        kept = [str(node) for node in objs if obstacle(node) is not None]
        going = [(str(node), what_goes_with(node)) for node in objs]
        missing = set() if self.has_delete_permission(request) else {"node"}
        return going, {"nodes": len(going)}, missing, kept

    @needs_password_to_act
    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        try:
            return super().delete_view(request, object_id, extra_context)
        except CannotForget as error:
            return self._refuse(request, error)

    def delete_model(self, request: HttpRequest, obj: Node) -> None:
        forget(obj, request.user)

    @transaction.atomic
    def delete_queryset(self, request: HttpRequest, queryset: NodeQuerySet) -> None:
        for node in queryset:
            forget(node, request.user)

    def _refuse(self, request: HttpRequest, error: CannotForget) -> HttpResponse:
        messages.error(request, str(error))
        return redirect("admin:nodes_node_changelist")


@admin.register(PollingPolicy)
class PollingPolicyAdmin(HistoryAdmin):
    """One row, which is there for editing even before it was first saved."""

    fields = ("interval_seconds",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> PollingPolicy | None:
        return PollingPolicy.current() if object_id == str(PollingPolicy().pk) else None

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        return redirect("admin:nodes_pollingpolicy_change", PollingPolicy().pk)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        context = {"title": "How often nodes are asked", **(extra_context or {})}
        return super().change_view(request, object_id, form_url, context)


@admin.register(FleetAlarm)
class FleetAlarmAdmin(ModelAdmin):
    """When the panel suspected its own network: written by polling, read here."""

    list_display = ("__str__", "opened_at", "closed_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


admin.site.unregister(NodeGroup)
admin.site.register(NodeGroup, FleetGroupAdmin)
