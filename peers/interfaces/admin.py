"""The pages of interfaces: what is desired, what the node confirmed, how full the pools are."""

import uuid
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.safestring import SafeString
from django.views.decorators.http import require_GET
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter
from unfold.decorators import display

from accounts.history_admin import HistoryAdmin
from nodes.interfaces import Condition, InterfaceQuerySet
from nodes.models import Interface
from nodes.object_pages import object_pages
from nodes.paging import KeyPaginator
from nodes.presentation import badge, short_key, when
from peers.errors import Refused
from peers.interfaces import shaping
from peers.interfaces.forms import InterfaceForm
from peers.pools.capacity import pool_uses
from peers.pools.overlaps import overlap_of, overlaps
from peers.pools.pages import PoolPages, pool_context


class InterfaceAdmin(PoolPages, HistoryAdmin):
    form = InterfaceForm
    autocomplete_fields = ("node",)
    fieldsets = (
        ("Interface", {"fields": ("node", "name", "listen_port", "accepts_peers", "policy")}),
        ("Addresses", {"fields": ("pool_v4", "address_v4", "pool_v6", "address_v6")}),
        (
            "What clients are told",
            {
                "fields": (
                    "endpoint_host",
                    "endpoint_port",
                    "client_allowed_ips",
                    "dns",
                    "keepalive",
                )
            },
        ),
        (
            "On the node",
            {"fields": ("forward", "masquerade", "out_interface", "mtu", "fwmark", "table")},
        ),
    )  # fmt: skip
    list_display = ("named", "state", "generations", "peer_count", "v4", "v6", "key", "synced")
    list_filter = (
        ("condition", ChoicesDropdownFilter), ("node", AutocompleteSelectFilter),
    )  # fmt: skip
    list_filter_submit = True
    list_fullwidth = True
    list_per_page = 50
    paginator = KeyPaginator
    ordering = ("node__name", "name")
    search_fields = ("node__name", "name", "public_key")
    show_facets = admin.ShowFacets.NEVER
    change_form_outer_before_template = "peers/interface_top.html"
    list_before_template = "peers/interface_list_top.html"

    def get_queryset(self, request: HttpRequest) -> InterfaceQuerySet:
        rows: InterfaceQuerySet = super().get_queryset(request).select_related("node", "drift")
        heavy = (
            "node__health_json", "node__secret", "drift__items", "drift__live", "drift__ignored",
        )  # fmt: skip
        return rows.present().defer(*heavy).with_peer_count()

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("node", "name") if obj else ()

    @display(description="Interface", ordering="node__name")
    def named(self, interface: Interface) -> str:
        return f"{interface.node.name} / {interface.name}"

    @display(description="State", ordering="condition")
    def state(self, interface: Interface) -> SafeString:
        condition = Condition(interface.condition)
        told = interface.sync_error or interface.condition_reason
        return badge(condition.label, condition.tone, told)

    @display(description="Generation")
    def generations(self, interface: Interface) -> str:
        desired, observed = interface.desired_generation, interface.observed_generation
        return f"{observed}" if desired == observed else f"{observed} → {desired}"

    @display(description="Peers", ordering="peer_count")
    def peer_count(self, interface: Any) -> int:
        return int(interface.peer_count)

    @display(description="IPv4 pool", empty_value="–")
    def v4(self, interface: Interface) -> str | None:
        return interface.pool_v4 or None

    @display(description="IPv6 pool", empty_value="–")
    def v6(self, interface: Interface) -> str | None:
        return interface.pool_v6 or None

    @display(description="Public key")
    def key(self, interface: Interface) -> SafeString:
        return short_key(interface.public_key)

    @display(description="Confirmed", ordering="synced_at")
    def synced(self, interface: Interface) -> SafeString:
        return when(interface.synced_at, timezone.now())

    def get_urls(self) -> list[URLPattern]:
        views = {
            "live": self.live_view,
            "overlap": self.overlap_view,
            "reserve": self.reserve_view,
            "unreserve": self.unreserve_view,
        }
        all_overlaps = path(
            "overlaps/", self.admin_site.admin_view(self.overlaps_view),
            name="nodes_interface_overlaps",
        )  # fmt: skip
        return [all_overlaps, *object_pages(self, views), *super().get_urls()]

    @method_decorator(require_GET)
    def overlaps_view(self, request: HttpRequest) -> HttpResponse:
        """What the list shows above itself: asked for by the page, which does not wait for it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return render(request, "peers/overlaps.html", {"overlaps": overlaps()})

    @method_decorator(require_GET)
    def overlap_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """The same of one interface."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        interface = get_object_or_404(Interface.objects.present(), pk=pk)
        return render(request, "peers/own_overlap.html", {"overlap": overlap_of(interface)})

    @method_decorator(require_GET)
    def live_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        interface = self.get_queryset(request).filter(pk=pk).first()
        if interface is None:
            return render(request, "peers/gone.html", status=286)
        return render(request, "peers/interface_live.html", _seen(interface))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        interface = self.get_object(request, object_id)
        context = {} if interface is None else _seen(interface) | pool_context(interface)
        context["show_delete"] = interface is not None and not interface.peer_count
        return super().change_view(request, object_id, form_url, context | (extra_context or {}))

    def get_form(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, **kwargs)
        form.actor = request.user
        return form

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """The form has carried it out."""

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        interface = self.get_object(request, object_id)
        if interface is None or not self.has_delete_permission(request, interface):
            raise PermissionDenied
        if request.method != "POST":
            context = {"title": f"Remove {interface}", "interface": interface, "opts": self.opts}
            context |= self.admin_site.each_context(request)
            return render(request, "peers/remove_interface.html", context)
        try:
            shaping.remove(request.user, interface)
            messages.success(request, f"{interface} is taken off its node now.")
        except Refused as error:
            messages.error(request, error.sentence)
        return redirect("admin:nodes_interface_changelist")


def _seen(interface: Any) -> dict[str, Any]:
    now = timezone.now()
    return {
        "interface": interface,
        "condition": Condition(interface.condition),
        "pools": pool_uses(interface, now),
        "now": now,
    }
