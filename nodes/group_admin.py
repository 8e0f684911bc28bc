"""A group as the fleet sees it: its nodes, how they are, and asking them all."""

import uuid
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.safestring import SafeString
from django.views.decorators.http import require_GET, require_POST
from unfold.decorators import display

from groups.admin import NodeGroupAdmin
from groups.models import NodeGroup
from nodes import overview, presentation
from nodes.admin_actions import polled
from nodes.models import Node, PollingPolicy
from nodes.object_pages import GONE, object_pages
from nodes.polls.polling import request_polls

SHOWN_NODES = 50


class FleetGroupAdmin(NodeGroupAdmin):
    change_form_outer_before_template = "groups/page_top.html"

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        own = super().get_list_display(request)
        return (own[0], "stand", "active_peers", *own[1:]) if _sees_nodes(request) else own

    @display(description="Nodes")
    def stand(self, group: Any) -> SafeString:
        return presentation.counts(group.totals)

    @display(description="Active peers")
    def active_peers(self, group: Any) -> SafeString:
        return presentation.share(group.totals.active_peers, group.totals.max_peers)

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Add to each group on the page what its nodes amount to, by one query."""
        changelist = super().get_changelist_instance(request)
        if not _sees_nodes(request):
            return changelist
        pks = [group.pk for group in changelist.result_list]
        totals = overview.by_group(pks, PollingPolicy.current().interval, timezone.now())
        for group in changelist.result_list:
            group.totals = totals[group.pk]
        return changelist

    def get_urls(self) -> list[URLPattern]:
        views = {"live": self.live_view, "poll": self.poll_view}
        return object_pages(self, views) + super().get_urls()

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        group = self.get_object(request, object_id)
        context = {} if group is None else _seen(request, group)
        return super().change_view(
            request, object_id, form_url, {**context, **(extra_context or {})}
        )

    @method_decorator(require_GET)
    def live_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        if not (self.has_view_permission(request) and _sees_nodes(request)):
            raise PermissionDenied
        group = NodeGroup.objects.filter(pk=pk).first()
        if group is None:
            return render(request, "groups/gone.html", status=GONE)
        return render(request, "groups/live.html", _seen(request, group))

    @method_decorator(require_POST)
    def poll_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        if not request.user.has_perm("nodes.change_node"):
            raise PermissionDenied
        group = get_object_or_404(NodeGroup, pk=pk)
        messages.success(request, polled(request_polls(Node.objects.filter(group=group))))
        return redirect("admin:groups_nodegroup_change", group.pk)


def _sees_nodes(request: HttpRequest) -> bool:
    return request.user.has_perm("nodes.view_node")


def _seen(request: HttpRequest, group: NodeGroup) -> dict[str, Any]:
    """Return what the page shows of the group's nodes to somebody who may see nodes."""
    if not _sees_nodes(request):
        return {"group": group}
    now, interval = timezone.now(), PollingPolicy.current().interval
    nodes = Node.objects.filter(group=group)
    shown = nodes.with_standing(interval, now).only(*overview.LISTED).order_by("name")
    return {
        "group": group,
        "totals": overview.totals(nodes, interval, now),
        "nodes": shown[:SHOWN_NODES],
        "now": now,
    }
