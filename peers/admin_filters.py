"""By what the peer list can be narrowed."""

import uuid
from typing import Any

from django.contrib.admin import ModelAdmin
from django.contrib.admin.options import IncorrectLookupParameters
from django.http import HttpRequest
from django.utils import timezone
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    DropdownFilter,
    TextFilter,
)

from groups.models import NodeGroup
from peers.querysets import PeerQuerySet
from peers.searching import HasTag
from peers.standing import Standing, standing_so


class StandingFilter(DropdownFilter):
    title = "status"
    parameter_name = "standing"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> list[tuple[str, str]]:
        return Standing.choices

    def queryset(self, request: HttpRequest, queryset: PeerQuerySet) -> PeerQuerySet:
        if self.value() not in Standing.values:
            return queryset
        return queryset.filter(standing_so(Standing(self.value()), timezone.now()))


class GroupFilter(DropdownFilter):
    title = "group"
    parameter_name = "group"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> list[tuple[Any, str]]:
        groups = NodeGroup.objects.order_by("name").values_list("pk", "name")
        return [(str(pk), name) for pk, name in groups]

    def queryset(self, request: HttpRequest, queryset: PeerQuerySet) -> PeerQuerySet:
        known = {choice for choice, _ in self.lookup_choices}
        wanted = self.value()
        return queryset.filter(interface__node__group=wanted) if wanted in known else queryset


class NodeFilter(AutocompleteSelectFilter):
    def queryset(self, request: HttpRequest, queryset: PeerQuerySet) -> PeerQuerySet:
        if not self.value():
            return queryset
        try:
            return queryset.on_node(uuid.UUID(self.value()))
        except ValueError as error:
            raise IncorrectLookupParameters(error) from error


class FileFilter(DropdownFilter):
    title = "file"
    parameter_name = "file"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> list[tuple[str, str]]:
        return [("outdated", "Holds an outdated file"), ("none", "Was never given one")]

    def queryset(self, request: HttpRequest, queryset: PeerQuerySet) -> PeerQuerySet:
        if self.value() == "outdated":
            return queryset.outdated()
        return queryset.filter(delivered_fingerprint="") if self.value() == "none" else queryset


class TagFilter(TextFilter):
    title = "tag"
    parameter_name = "tag"

    def queryset(self, request: HttpRequest, queryset: PeerQuerySet) -> PeerQuerySet:
        return queryset.filter(HasTag(self.value())) if self.value() else queryset
