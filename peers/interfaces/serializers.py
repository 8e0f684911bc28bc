from rest_framework import serializers

from nodes.interfaces import Condition
from nodes.models import Interface, Node

SETTINGS = (
    "listen_port", "pool_v4", "pool_v6", "address_v4", "address_v6", "endpoint_host",
    "endpoint_port", "dns", "mtu", "client_allowed_ips", "keepalive", "fwmark", "table", "forward",
    "masquerade", "out_interface", "policy", "accepts_peers",
)  # fmt: skip
FOUND = (
    "public_key", "desired_generation", "observed_generation", "condition", "condition_reason",
    "sync_attempts", "sync_error", "synced_at",
)  # fmt: skip


class PoolUseSerializer(serializers.Serializer):
    """How full a pool is, in addresses."""

    pool = serializers.CharField()
    hosts = serializers.IntegerField(help_text="All that peers could have.")
    held = serializers.IntegerField(help_text="Peers have these.")
    resting = serializers.IntegerField(help_text="Peers had these a short while ago.")
    reserved = serializers.IntegerField(help_text="Kept from being given out.")
    free = serializers.IntegerField()


class InterfaceSerializer(serializers.ModelSerializer[Interface]):
    """An interface: its settings, and how far its node has followed them."""

    node = serializers.UUIDField(source="node_id", read_only=True)
    node_name = serializers.CharField(source="node.name", read_only=True)
    group = serializers.UUIDField(source="node.group_id", read_only=True, allow_null=True)
    condition = serializers.ChoiceField(Condition.choices, read_only=True)
    peers = serializers.IntegerField(
        source="peer_count", read_only=True, help_text="How many peers it has."
    )

    class Meta:
        model = Interface
        fields = (
            "id", "node", "node_name", "group", "name", *SETTINGS, "peers", *FOUND, "created_at",
            "updated_at",
        )  # fmt: skip
        read_only_fields = ("id", "name", *FOUND, "created_at", "updated_at")
        validators = ()


class InterfaceDetailSerializer(InterfaceSerializer):
    """One interface, and how full its pools are."""

    pools = PoolUseSerializer(many=True, read_only=True)

    class Meta(InterfaceSerializer.Meta):
        fields = (*InterfaceSerializer.Meta.fields, "pools")  # type: ignore[assignment]


class InterfaceCreateSerializer(InterfaceSerializer):
    """A new interface: its node makes the key and keeps it. At least one pool is needed."""

    node = serializers.PrimaryKeyRelatedField(  # type: ignore[assignment]
        queryset=Node.objects.defer("secret", "health_json")
    )

    class Meta(InterfaceSerializer.Meta):
        fields = ("node", "name", *SETTINGS)  # type: ignore[assignment]
        read_only_fields = ()  # type: ignore[assignment]
