from typing import Any, TypeVar

from django.db.models import Model
from rest_framework import serializers

from groups.models import NodeGroup

Row = TypeVar("Row", bound=Model)


class ChangedFieldsSerializer(serializers.ModelSerializer[Row]):
    """Saves the fields that were sent and leaves what others write meanwhile alone."""

    def update(self, instance: Row, validated_data: dict[str, Any]) -> Row:
        for name, value in validated_data.items():
            setattr(instance, name, value)
        instance.save(update_fields=[*validated_data, "updated_at"])
        return instance


class GroupSerializer(ChangedFieldsSerializer[NodeGroup]):
    nodes = serializers.IntegerField(
        source="node_count", read_only=True, default=0, help_text="How many nodes belong to it."
    )

    class Meta:
        model = NodeGroup
        fields = (
            "id", "name", "description", "region", "priority", "nodes", "created_at", "updated_at",
        )  # fmt: skip


class UngroupedSerializer(serializers.Serializer):
    ungrouped_nodes = serializers.IntegerField(help_text="How many nodes have no group now.")
