"""By what the node list can be narrowed."""

from typing import Any

from django.contrib.admin import ModelAdmin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import DropdownFilter, MultipleDropdownFilter

from groups.models import NodeGroup
from nodes.models import Node, Status

UNGROUPED = "none"
YES_NO = (("yes", "Yes"), ("no", "No"))


class StandingFilter(MultipleDropdownFilter):
    title = "status"
    parameter_name = "standing"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> list[tuple[str, str]]:
        return Status.choices

    def queryset(self, request: HttpRequest, queryset: QuerySet[Node]) -> QuerySet[Node]:
        wanted = [value for value in self.value() or () if value]
        return queryset.filter(Q(standing__in=wanted)) if wanted else queryset

    def value(self) -> list[str] | None:
        return self.used_parameters.get(self.parameter_name)


class GroupFilter(DropdownFilter):
    title = "group"
    parameter_name = "group"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> list[tuple[Any, str]]:
        groups = NodeGroup.objects.order_by("name").values_list("pk", "name")
        return [(UNGROUPED, "Without a group"), *((str(pk), name) for pk, name in groups)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Node]) -> QuerySet[Node]:
        known = {choice for choice, _ in self.lookup_choices}
        if self.value() == UNGROUPED:
            return queryset.filter(group=None)
        return queryset.filter(group=self.value()) if self.value() in known else queryset


class RegionFilter(DropdownFilter):
    title = "region"
    parameter_name = "region"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> list[tuple[str, str]]:
        regions = NodeGroup.objects.exclude(region="").order_by("region")
        return [(region, region) for region in regions.values_list("region", flat=True).distinct()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Node]) -> QuerySet[Node]:
        return queryset.filter(group__region=self.value()) if self.value() else queryset


class _FlagFilter(DropdownFilter):
    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> tuple:
        return YES_NO

    def queryset(self, request: HttpRequest, queryset: QuerySet[Node]) -> QuerySet[Node]:
        if self.value() not in ("yes", "no"):
            return queryset
        return queryset.filter(**{self.parameter_name: self.value() == "yes"})


class MaintenanceFilter(_FlagFilter):
    title = parameter_name = "maintenance"


class EnabledFilter(_FlagFilter):
    title = parameter_name = "enabled"
