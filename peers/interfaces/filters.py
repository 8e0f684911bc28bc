from django.db.models import QuerySet
from django_filters import rest_framework as filters

from nodes.filters import UNGROUPED, TruthFilter
from nodes.interfaces import Condition, InterfaceQuerySet, Policy
from nodes.models import Interface
from peers.filters import group_called


class InterfaceFilter(filters.FilterSet):
    node = filters.UUIDFilter(field_name="node")
    group = filters.CharFilter(
        method="in_group", max_length=64, label=f"Id or name of a group, or `{UNGROUPED}`."
    )
    name = filters.CharFilter(max_length=15)
    condition = filters.ChoiceFilter(choices=Condition.choices)
    policy = filters.ChoiceFilter(choices=Policy.choices)
    accepts_peers = TruthFilter()
    pending = TruthFilter(
        method="waiting", label="Whether the node has yet to confirm what is desired."
    )

    class Meta:
        model = Interface
        fields = ("node", "group", "name", "condition", "policy", "accepts_peers")

    def in_group(
        self, interfaces: QuerySet[Interface], name: str, reference: str
    ) -> QuerySet[Interface]:
        return interfaces.filter(node__group=group_called(name, reference))

    def waiting(self, interfaces: InterfaceQuerySet, name: str, wanted: bool) -> InterfaceQuerySet:
        pending = Interface.objects.pending().values("pk")
        return interfaces.filter(pk__in=pending) if wanted else interfaces.exclude(pk__in=pending)
