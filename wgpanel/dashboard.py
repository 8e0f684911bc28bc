"""The admin's first page."""

import datetime as dt
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from groups.models import NodeGroup
from nodes import overview
from nodes.banners import banners
from nodes.models import Node, PollingPolicy
from nodes.polls import poll_counts
from wgpanel.key_backup import reminders

SHOWN_NODES, SHOWN_GROUPS = 8, 4
SEES_NODES = "nodes.view_node"


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add to the context of the index what is known of the fleet."""
    return {**context, **_fleet(request), "title": "Dashboard"}


def live(request: HttpRequest) -> HttpResponse:
    """Answer with the part of the index that refreshes itself."""
    return render(request, "wgpanel/dashboard.html", _fleet(request))


def _fleet(request: HttpRequest) -> dict[str, Any]:
    """Return the fleet at a glance, in a constant number of queries; for those who see nodes."""
    if not request.user.has_perm(SEES_NODES):
        return {}
    now, interval = timezone.now(), PollingPolicy.current().interval
    return {
        "now": now,
        "banners": [*banners(now), *reminders(request.user)],
        "totals": overview.totals(Node.objects.all(), interval, now),
        "groups": NodeGroup.objects.count(),
        "first_groups": _first_groups(interval, now),
        "polls": poll_counts.last_hour(now),
        "busiest": overview.busiest(interval, now, SHOWN_NODES),
        "troubled": overview.troubled(interval, now, SHOWN_NODES),
    }


def _first_groups(
    interval: dt.timedelta, now: dt.datetime
) -> list[tuple[NodeGroup, overview.Totals]]:
    groups = list(NodeGroup.objects.all()[:SHOWN_GROUPS])
    totals = overview.by_group([group.pk for group in groups], interval, now)
    return [(group, totals[group.pk]) for group in groups]
