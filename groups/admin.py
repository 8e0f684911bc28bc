from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, QuerySet
from django.http import HttpRequest

from accounts.history_admin import HistoryAdmin
from groups.models import NodeGroup
from groups.removal import delete_leaving_nodes


@admin.register(NodeGroup)
class NodeGroupAdmin(HistoryAdmin):
    list_display = ("name", "region", "priority")
    search_fields = ("name", "region", "description")
    ordering = ("-priority", "name")
    fields = ("name", "region", "priority", "description")
    delete_confirmation_template = "groups/delete.html"
    delete_selected_confirmation_template = "groups/delete_selected.html"

    def save_model(self, request: HttpRequest, obj: NodeGroup, form: Any, change: bool) -> None:
        obj._history_user = request.user  # type: ignore[attr-defined]  # read by simple_history
        obj.save(update_fields=[*form.changed_data, "updated_at"] if change else None)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[list, dict, set, list]:
        """Return what goes, as sentences: the groups, never their nodes."""
        pks = [group.pk for group in objs]
        counted = NodeGroup.objects.filter(pk__in=pks).annotate(node_count=Count("nodes"))
        sentences = [f"{group.name}: {_ungrouped(group.node_count)}" for group in counted]
        missing = set() if self.has_delete_permission(request) else {"group"}
        return sentences, {"groups": len(pks)}, missing, []

    def delete_model(self, request: HttpRequest, obj: NodeGroup) -> None:
        self._say(request, delete_leaving_nodes(obj, request.user))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[NodeGroup]) -> None:
        self._say(request, sum(delete_leaving_nodes(group, request.user) for group in queryset))

    def _say(self, request: HttpRequest, count: int) -> None:
        if count:
            messages.warning(request, f"Without a group now: {_nodes(count)}.")


def _ungrouped(count: int) -> str:
    return f"{_nodes(count)} will be without a group." if count else "it has no nodes."


def _nodes(count: int) -> str:
    return "1 node" if count == 1 else f"{count} nodes"
