"""By what the list of drift can be narrowed, so that a node or a group is taken as one."""

from typing import Any

from django.contrib.admin import ModelAdmin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import DropdownFilter

from groups.models import NodeGroup
from reconcile.models import Drift


class GroupFilter(DropdownFilter):
    title = "group"
    parameter_name = "group"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> list[tuple[Any, str]]:
        groups = NodeGroup.objects.order_by("name").values_list("pk", "name")
        return [(str(pk), name) for pk, name in groups]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Drift]) -> QuerySet[Drift]:
        known = {choice for choice, _ in self.lookup_choices}
        wanted = self.value()
        return queryset.filter(interface__node__group=wanted) if wanted in known else queryset
