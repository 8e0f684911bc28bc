"""The pages of peers and of the interfaces that they are on."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.response import TemplateResponse
from django.views.decorators.debug import sensitive_variables

from accounts.history_admin import HistoryAdmin
from nodes.models import Interface
from nodes.paging import KeyPaginator
from peers import admin_filters as filters
from peers import changing, removing
from peers.admin_actions import PeerActions
from peers.admin_columns import PeerColumns
from peers.admin_pages import PeerPages
from peers.configuration.handing_out import handed_out
from peers.creation import creating
from peers.errors import NoFreeAddress, Refused
from peers.forms import NewPeerForm, PeerForm
from peers.interfaces.admin import InterfaceAdmin
from peers.models import Peer
from peers.paging import PeerList, SearchPaginator
from peers.peer_page import look
from peers.querysets import PeerQuerySet
from peers.searching import search
from selection.decision import NoNodeAvailable

admin.site.register(Interface, InterfaceAdmin)


@admin.register(Peer)
class PeerAdmin(PeerPages, PeerActions, PeerColumns, HistoryAdmin):
    form = PeerForm
    fields = ("name", "expires_at", "tags", "notes", "keepalive", "routed_networks")
    list_display = (
        "named", "stands", "placed", "own_addresses", "handshake", "traffic", "ends", "held_file",
    )  # fmt: skip
    list_filter = (
        filters.StandingFilter, filters.GroupFilter, ("interface__node", filters.NodeFilter),
        filters.FileFilter, filters.TagFilter,
    )  # fmt: skip
    list_filter_submit = True
    list_fullwidth = True
    list_per_page = 50
    search_fields = ("name",)
    search_help_text = "Name, public key, tag, or an address"
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    change_form_outer_before_template = "peers/page_top.html"
    list_before_template = "nodes/list_top.html"

    def get_queryset(self, request: HttpRequest) -> PeerQuerySet:
        peers: PeerQuerySet = super().get_queryset(request).existing()
        peers = peers.select_related("interface__node").prefetch_related("addresses")
        heavy = ("preshared_key", "private_key", "interface__node__health_json")
        return peers.defer(*heavy, "interface__node__secret")

    def get_paginator(
        self, request: HttpRequest, queryset: PeerQuerySet, per_page: int, *rest: Any, **more: Any
    ) -> Any:
        paginator = SearchPaginator if request.GET.get("q") else KeyPaginator
        return paginator(queryset.only(*self.LISTED), per_page, *rest, **more)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[PeerList]:
        return PeerList

    def get_search_results(
        self, request: HttpRequest, queryset: PeerQuerySet, search_term: str
    ) -> tuple[PeerQuerySet, bool]:
        return search(queryset, search_term), False

    @sensitive_variables()
    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Ask what the peer shall be; answer with its file, which may be shown this once."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = NewPeerForm(request.POST or None)
        created = self._create(request, form) if request.method == "POST" else None
        template = "peers/created.html" if created else "peers/add.html"
        context = {
            **self.admin_site.each_context(request),
            "title": "Add a peer", "opts": self.opts, "form": form,
            "handed": handed_out(created.peer, created.private_key) if created else None,
        }  # fmt: skip
        return TemplateResponse(request, template, context, headers={"Cache-Control": "no-store"})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        peer = self.get_object(request, object_id)
        context: dict[str, Any] = {} if peer is None else {"seen": look(peer.pk)}
        context |= {"show_delete": False, "hands_out": request.user.has_perm(self.HAND_OUT)}
        return super().change_view(request, object_id, form_url, context | (extra_context or {}))

    def get_form(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, **kwargs)
        form.actor = request.user
        return form

    def save_model(self, request: HttpRequest, obj: Peer, form: PeerForm, change: bool) -> None:
        """Change what was typed and nothing else: polling may be writing the same row."""
        wanted = {name: form.cleaned_data[name] for name in form.changed_data}
        changing.change(request.user, obj, **wanted)

    def delete_model(self, request: HttpRequest, obj: Peer) -> None:
        removing.remove(request.user, obj)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        peer = self.get_object(request, object_id)
        if peer is None or not self.has_delete_permission(request, peer):
            raise PermissionDenied
        if request.method == "POST":
            removing.remove(request.user, peer)
            messages.success(request, f"{peer} is removed; its node is told now.")
            return redirect("admin:peers_peer_changelist")
        context = {**self.admin_site.each_context(request), "title": f"Remove {peer}", "peer": peer}
        return render(request, "peers/remove.html", {**context, "opts": self.opts})

    @sensitive_variables()
    def _create(self, request: HttpRequest, form: NewPeerForm) -> creating.Created | None:
        """The new peer, or None with the reason told at the form."""
        if not form.is_valid():
            return None
        try:
            return creating.create(request.user, form.where, **form.wish)
        except Refused as error:
            form.refuse(error)
        except (NoFreeAddress, NoNodeAvailable) as error:
            form.add_error(None, str(error))
        return None
