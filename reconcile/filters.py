from django.db.models import Q, QuerySet
from django_filters import rest_framework as filters

from nodes.filters import UNGROUPED
from nodes.models import Interface
from peers.filters import group_called
from reconcile.models import DriftState


class DriftFilter(filters.FilterSet):
    node = filters.UUIDFilter(field_name="node")
    group = filters.CharFilter(
        method="in_group", max_length=64, label=f"Id or name of a group, or `{UNGROUPED}`."
    )
    state = filters.ChoiceFilter(method="found", choices=DriftState.choices)

    def in_group(
        self, interfaces: QuerySet[Interface], name: str, reference: str
    ) -> QuerySet[Interface]:
        return interfaces.filter(node__group=group_called(name, reference))

    def found(self, interfaces: QuerySet[Interface], name: str, state: str) -> QuerySet[Interface]:
        unchecked = Q(drift=None) if state == DriftState.UNKNOWN else Q(pk__in=())
        return interfaces.filter(Q(drift__state=state) | unchecked)
