import datetime as dt
import uuid
from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.validators import UniqueValidator

from groups import references
from groups.models import NodeGroup
from groups.serializers import ChangedFieldsSerializer
from nodes.models import PLACE_FIELDS, REPORTED_FIELDS, TRANSPORT_FIELDS, Node, Status, overfull
from nodes.standing import standing_reason, standing_since
from nodes.validators import agent_secret

MAX_SELECTION = 1000
NEW = Node()
SECRET_REPLACED = "Secret replaced."  # noqa: S105  (a sentence)


@extend_schema_field(
    {"type": "string", "description": "The group's id; when writing, its id or its name."}
)
class GroupField(serializers.RelatedField):
    """Reads as the group's id; takes its id or its name."""

    default_error_messages = {"unknown": "There is no such group."}

    def __init__(self, **kwargs: Any):
        super().__init__(queryset=NodeGroup.objects.all(), allow_null=True, **kwargs)

    def use_pk_only_optimization(self) -> bool:
        return True

    def to_internal_value(self, data: Any) -> NodeGroup:
        try:
            return references.find(data) if isinstance(data, str) else self.fail("unknown")
        except NodeGroup.DoesNotExist:
            self.fail("unknown")

    def to_representation(self, value: Any) -> uuid.UUID:
        return value.pk


@extend_schema_field(OpenApiTypes.OBJECT)
class ReportField(serializers.JSONField):
    """The last report as the agent told it; null where the query left it out."""

    def get_attribute(self, instance: Node) -> Any:
        if "health_json" in instance.get_deferred_fields():
            return None
        return super().get_attribute(instance)


def _refuse_together(settings: dict[str, Any]) -> None:
    node = Node(**{name: settings[name] for name in TRANSPORT_FIELDS})
    try:
        node.clean_transport()
    except DjangoValidationError as error:
        raise serializers.ValidationError(error.message_dict) from error


class NodeSerializer(ChangedFieldsSerializer[Node]):
    """A node: its settings, and what polling found."""

    group = GroupField(required=False)
    group_name = serializers.CharField(source="group.name", read_only=True, allow_null=True)
    region = serializers.CharField(source="group.region", read_only=True, allow_null=True)
    secret = serializers.CharField(
        write_only=True, required=False, trim_whitespace=False, max_length=512,
        validators=[agent_secret], help_text="Shared with the agent; at least 32 bytes.",
    )  # fmt: skip
    status = serializers.ChoiceField(Status.choices, source="standing", read_only=True)
    status_reason = serializers.SerializerMethodField()
    status_since = serializers.SerializerMethodField()
    health_json = ReportField(read_only=True, allow_null=True)
    key_since = serializers.DateTimeField(read_only=True)

    class Meta:
        model = Node
        fields = (
            "id", "name", "agent_url", "tls_pin", "next_tls_pin", "allow_plain_http",
            "group", "group_name", "region", "enabled", "maintenance", "weight", "max_peers",
            "secret", "status", "status_reason", "status_since",
            "reported_at", "last_attempt_at", "next_poll_at", "failures", "clock_skew_ms",
            "agent_version", "cpu_percent", "memory_percent", "disk_percent", "active_peers",
            "assigned_peers", "has_free_address", "score",
            "key_since", "rotation_step", "rotation_problem",
            "health_json", "created_at", "updated_at",
        )  # fmt: skip
        read_only_fields = (*REPORTED_FIELDS, *PLACE_FIELDS, "rotation_step", "rotation_problem")

    def validate_max_peers(self, max_peers: int) -> int:
        if self.instance and max_peers < (assigned := self.instance.assigned_peers):
            raise serializers.ValidationError(overfull(assigned))
        return max_peers

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs.keys() & set(TRANSPORT_FIELDS):
            known = {name: getattr(self.instance or NEW, name) for name in TRANSPORT_FIELDS}
            _refuse_together(known | attrs)
        return attrs

    def get_status_reason(self, node: Node) -> str:
        return standing_reason(node)

    def get_status_since(self, node: Node) -> dt.datetime:
        return standing_since(node)

    def update(self, instance: Node, validated_data: dict[str, Any]) -> Node:
        """Save; the history leaves the secret itself out, so it says that there is a new one."""
        if "secret" in validated_data:
            instance._change_reason = SECRET_REPLACED  # type: ignore[attr-defined]  # simple_history
            changed = instance.take_secret(validated_data["secret"])
            validated_data |= {name: getattr(instance, name) for name in changed}
        return super().update(instance, validated_data)


class NodeCreateSerializer(NodeSerializer):
    """A new node. Its agent signs with `id`; who prepares the agent beforehand may choose it."""

    id = serializers.UUIDField(required=False, validators=[UniqueValidator(Node.objects.all())])
    secret = serializers.CharField(
        write_only=True, trim_whitespace=False, max_length=512, validators=[agent_secret],
        help_text="Shared with the agent; at least 32 bytes.",
    )  # fmt: skip


class GroupChoiceSerializer(serializers.Serializer):
    group = GroupField(help_text="Id or name; null takes the node out of its group.")


class SelectionSerializer(serializers.Serializer):
    """Which nodes: `ids`, or all of a `group`."""

    ids = serializers.ListField(
        child=serializers.UUIDField(), required=False, allow_empty=False, max_length=MAX_SELECTION
    )
    group = GroupField(required=False, help_text="Id or name; null for nodes without a group.")

    def validate_ids(self, ids: list[uuid.UUID]) -> list[uuid.UUID]:
        known = Node.objects.filter(pk__in=ids).values_list("pk", flat=True)
        if unknown := sorted(set(ids).difference(known)):
            raise serializers.ValidationError([f"There is no node {pk}." for pk in unknown])
        return ids

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if len(attrs) != 1:
            raise serializers.ValidationError("Send either ids or group.")
        return attrs


class RotationSerializer(serializers.Serializer):
    retire_now = serializers.BooleanField(
        default=False, help_text="For a key that leaked: the old one is worth nothing at once."
    )


class RequestedSerializer(serializers.Serializer):
    requested = serializers.IntegerField(help_text="How many enabled nodes are asked now.")


class ConnectionSerializer(serializers.Serializer):
    """What a signed call to the agent came to; what was measured is null where it failed."""

    ok = serializers.BooleanField(help_text="The node's own agent answered, and signed it.")
    code = serializers.CharField(help_text="`ok`, or what failed, for programs.")
    detail = serializers.CharField(help_text="What was found, as a sentence.")
    version = serializers.CharField(allow_null=True)
    latency_ms = serializers.FloatField(allow_null=True)
    clock_skew_ms = serializers.IntegerField(
        allow_null=True, help_text="How far the agent's clock is ahead of the panel's."
    )


class ForgottenSerializer(serializers.Serializer):
    went_with_it = serializers.ListField(
        child=serializers.CharField(), help_text="What was lost and what stays, as sentences."
    )
