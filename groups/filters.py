from django_filters import rest_framework as filters

from groups.models import NodeGroup


class GroupFilter(filters.FilterSet):
    name = filters.CharFilter(max_length=64)
    region = filters.CharFilter(max_length=64)

    class Meta:
        model = NodeGroup
        fields = ("name", "region")
