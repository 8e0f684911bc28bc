"""What an operator does to many nodes at once: each a POST, a permission and one call."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin import helpers
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from unfold.decorators import action

from accounts.stepping_up import needs_password_to_act
from nodes import rotation
from nodes.changing import change
from nodes.forms import GroupChoiceForm
from nodes.polls.polling import request_polls
from nodes.querysets import NodeQuerySet


class NodeActions:
    actions = (
        "poll_now", "start_maintenance", "end_maintenance", "enable", "disable", "assign_group",
        "rotate_key", "replace_key",
    )  # fmt: skip
    admin_site: admin.AdminSite

    @action(description="Poll now", permissions=["change"])
    def poll_now(self, request: HttpRequest, nodes: NodeQuerySet) -> None:
        messages.success(request, polled(request_polls(nodes)))

    @action(description="Start maintenance", permissions=["change"])
    def start_maintenance(self, request: HttpRequest, nodes: NodeQuerySet) -> None:
        self._change(request, nodes, "in maintenance", maintenance=True)

    @action(description="End maintenance", permissions=["change"])
    def end_maintenance(self, request: HttpRequest, nodes: NodeQuerySet) -> None:
        self._change(request, nodes, "out of maintenance", maintenance=False)

    @action(description="Enable", permissions=["change"])
    def enable(self, request: HttpRequest, nodes: NodeQuerySet) -> None:
        self._change(request, nodes, "enabled", enabled=True)

    @action(description="Disable", permissions=["change"])
    def disable(self, request: HttpRequest, nodes: NodeQuerySet) -> None:
        self._change(request, nodes, "disabled", enabled=False)

    @action(description="Move to a group …", permissions=["change"])
    def assign_group(self, request: HttpRequest, nodes: NodeQuerySet) -> HttpResponse | None:
        form = GroupChoiceForm(request.POST if "chosen" in request.POST else None)
        if not form.is_valid():
            return self._ask_group(request, nodes, form)
        group = form.cleaned_data["group"]
        self._change(request, nodes, f"in {group}" if group else "without a group", group=group)
        return None

    @action(description="Rotate the key", permissions=["change"])
    def rotate_key(self, request: HttpRequest, nodes: NodeQuerySet) -> None:
        messages.success(request, rotating(rotation.start(nodes, request.user)))

    @action(description="Rotate the key, retire the old one now", permissions=["change"])
    @needs_password_to_act
    def replace_key(self, request: HttpRequest, nodes: NodeQuerySet) -> None:
        messages.success(request, rotating(rotation.start(nodes, request.user, urgent=True)))

    def _change(self, request: HttpRequest, nodes: NodeQuerySet, as_: str, **fields: Any) -> None:
        chosen = nodes.count()  # before: the list may be narrowed by what is about to change
        changed = change(nodes, request.user, **fields)
        rest = f" ({chosen - changed} were so before)" if changed < chosen else ""
        messages.success(request, f"Changed {_nodes(changed)}: now {as_}{rest}.")

    def _ask_group(
        self, request: HttpRequest, nodes: NodeQuerySet, form: GroupChoiceForm
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": "Move nodes to a group",
            "opts": nodes.model._meta,
            "form": form,
            "count": nodes.count(),
            "selected": request.POST.getlist(helpers.ACTION_CHECKBOX_NAME),
            "checkbox_name": helpers.ACTION_CHECKBOX_NAME,
            "select_across": request.POST.get("select_across", "0"),
        }
        return TemplateResponse(request, "nodes/assign_group.html", context)


def polled(count: int) -> str:
    """Say how many nodes will be asked."""
    if count == 0:
        return "Nobody is asked: disabled nodes are not polled."
    return f"{_nodes(count)} will be asked now."


def rotating(count: int) -> str:
    """Say how many nodes will get another key."""
    if count == 0:
        return "No key is rotated: that is under way, or no secret is set."
    return f"{_nodes(count)} will get a new key; the page of a node tells how far it is."


def _nodes(count: int) -> str:
    return "1 node" if count == 1 else f"{count} nodes"
