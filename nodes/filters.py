from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework.exceptions import ValidationError

from groups import references
from groups.models import NodeGroup
from nodes.models import Node, Status

UNGROUPED = "none"
_TRUTH = {"true": True, "1": True, "false": False, "0": False}


@extend_schema_field(OpenApiTypes.BOOL)
class TruthFilter(filters.TypedChoiceFilter):
    """`true` or `false`; refuses other words instead of ignoring them."""

    def __init__(self, **kwargs: object):
        super().__init__(choices=[(word, word) for word in _TRUTH], coerce=_TRUTH.get, **kwargs)


class NodeFilter(filters.FilterSet):
    group = filters.CharFilter(
        method="in_group", max_length=64, label=f"Id or name of a group, or `{UNGROUPED}`."
    )
    region = filters.CharFilter(field_name="group__region", max_length=64)
    enabled = TruthFilter()
    maintenance = TruthFilter()
    status = filters.ChoiceFilter(field_name="standing", choices=Status.choices)
    health = TruthFilter(
        method="with_health", label="`false` answers null as `health_json`: a shorter, faster list."
    )

    class Meta:
        model = Node
        fields = ("group", "region", "enabled", "maintenance", "status")

    def in_group(self, nodes: QuerySet[Node], name: str, reference: str) -> QuerySet[Node]:
        if reference == UNGROUPED:
            return nodes.filter(group=None)
        try:
            return nodes.filter(group=references.find(reference))
        except NodeGroup.DoesNotExist as error:
            raise ValidationError({name: ["There is no such group."]}) from error

    def with_health(self, nodes: QuerySet[Node], name: str, wanted: bool) -> QuerySet[Node]:
        return nodes if wanted else nodes.defer("health_json")
