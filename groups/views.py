from typing import Any

from django.db import transaction
from django.db.models import Count, QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.viewsets import ModelViewSet

from groups.filters import GroupFilter
from groups.models import NodeGroup
from groups.removal import delete_leaving_nodes
from groups.serializers import GroupSerializer, UngroupedSerializer


@extend_schema_view(
    list=extend_schema(summary="List groups"),
    create=extend_schema(summary="Create a group"),
    retrieve=extend_schema(summary="Show a group"),
    update=extend_schema(summary="Replace what is known of a group"),
    partial_update=extend_schema(summary="Change a group"),
    destroy=extend_schema(
        summary="Delete a group, leaving its nodes without one",
        responses={200: UngroupedSerializer},
    ),
)
class GroupViewSet(ModelViewSet):
    queryset = NodeGroup.objects.annotate(node_count=Count("nodes"))
    serializer_class = GroupSerializer
    filterset_class = GroupFilter
    lookup_value_converter = "uuid"
    search_fields = ("name", "description", "region")
    ordering = ("-priority", "name")
    ordering_fields = {
        "name": "name", "region": "region", "priority": "priority", "nodes": "node_count",
        "created_at": "created_at",
    }  # fmt: skip

    def get_queryset(self) -> QuerySet[NodeGroup]:
        """Lock the row that is about to change; PostgreSQL locks no row of a count."""
        if self.action in ("update", "partial_update"):
            return NodeGroup.objects.select_for_update()
        return super().get_queryset()

    @transaction.atomic
    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().update(request, *args, **kwargs)

    def perform_update(self, serializer: BaseSerializer) -> None:
        serializer.instance = super().get_queryset().get(pk=serializer.save().pk)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        ungrouped = delete_leaving_nodes(self.get_object(), request.user)
        return Response(UngroupedSerializer({"ungrouped_nodes": ungrouped}).data)
