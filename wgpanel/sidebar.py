"""Where the sidebar and the command palette of the admin lead."""

from collections.abc import Callable, Iterator
from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse
from unfold.dataclasses import SearchResult

from groups.models import NodeGroup
from nodes.models import Node
from peers.models import Peer

FOUND_AT_MOST = 10
SEARCHED: dict[type[Model], str] = {Node: "dns", NodeGroup: "folder", Peer: "devices"}


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the links, in the form of Unfold's SIDEBAR.navigation."""
    return [
        {
            "title": "Fleet",
            "items": [
                _item("Dashboard", "dashboard", reverse("admin:index")),
                _list("Nodes", "dns", "nodes.node"),
                _item("Add node", "add_circle", reverse("admin:nodes_jointoken_add"), _adds_nodes),
                _list("Groups", "folder", "groups.nodegroup"),
                _list("Interfaces", "lan", "nodes.interface"),
                _list("Peers", "devices", "peers.peer"),
                _list("Drift", "difference", "reconcile.drift"),
                _item("Next peers", "alt_route", reverse("where-next"), _sees_nodes),
            ],
        },
        {
            "title": "Settings",
            "items": [
                _list("Polling policy", "timer", "nodes.pollingpolicy"),
                _list("Join tokens", "confirmation_number", "nodes.jointoken")
                | {"active": _lists_tokens},
                _list("Scheduled tasks", "event_repeat", "django_celery_beat.periodictask"),
                _list("Fleet alarms", "notification_important", "nodes.fleetalarm"),
            ],
        },
        {
            "title": "People",
            "items": [
                _list("Users", "person", "auth.user"),
                _list("Roles", "shield_person", "auth.group"),
                _list("API tokens", "key", "accounts.apitoken"),
                _item("API documentation", "api", reverse("docs")),
            ],
        },
    ]


def search(request: HttpRequest, term: str) -> list[SearchResult]:
    """Return the nodes, groups and peers that match, those that the user may see, a few of each."""
    return [result for model in SEARCHED for result in _found(request, model, term)]


def _sees_nodes(request: HttpRequest) -> bool:
    return request.user.has_perm("nodes.view_node")


def _adds_nodes(request: HttpRequest) -> bool:
    return request.user.has_perm("nodes.add_jointoken")


def _lists_tokens(request: HttpRequest) -> bool:
    """On the pages of join tokens but the one that adds a node, which has a link of its own."""
    tokens, add = reverse("admin:nodes_jointoken_changelist"), reverse("admin:nodes_jointoken_add")
    return request.path.startswith(tokens) and request.path != add


def _item(title: str, icon: str, link: str, permission: Callable | None = None) -> dict[str, Any]:
    return {"title": title, "icon": icon, "link": link, "permission": permission}


def _list(title: str, icon: str, model: str) -> dict[str, Any]:
    app, name = model.split(".")
    link = reverse(f"admin:{app}_{name}_changelist")
    return _item(title, icon, link, lambda request: request.user.has_perm(f"{app}.view_{name}"))


def _found(request: HttpRequest, model: type[Model], term: str) -> Iterator[SearchResult]:
    pages = admin.site.get_model_admin(model)
    if not pages.has_view_permission(request):
        return
    matches, _ = pages.get_search_results(request, pages.get_queryset(request), term)
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_change"
    for row in matches[:FOUND_AT_MOST]:
        title = str(model._meta.verbose_name).capitalize()
        yield SearchResult(str(row), title, reverse(name, args=[row.pk]), SEARCHED[model])
