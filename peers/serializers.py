import datetime as dt
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from nodes.pools import Address
from peers import validators
from peers.errors import PeerRefused
from peers.models import Peer
from peers.standing import Standing, standing


class InstantField(serializers.DateTimeField):
    """A moment with its zone, as programs send it (RFC 3339)."""

    def to_internal_value(self, value: Any) -> dt.datetime | None:  # type: ignore[override]
        try:
            return validators.instant(value)
        except PeerRefused as error:
            raise serializers.ValidationError(error.sentence) from error


class StandingField(serializers.ChoiceField):
    """How the peer stands while the answer is made."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(Standing.choices, source="*", **kwargs)

    def to_representation(self, value: Peer) -> str:  # type: ignore[override]
        return standing(value, timezone.now()).value


@extend_schema_field({"type": "array", "items": {"type": "string"}})
class AddressesField(serializers.ReadOnlyField):
    """The addresses that the peer has, as texts."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(source="ips", **kwargs)

    def to_representation(self, value: list[Address]) -> list[str]:
        return [str(ip) for ip in value]


class WordsField(serializers.ListField):
    """A list of short texts, whose grammar the core knows."""

    def __init__(self, max_length: int, **kwargs: Any) -> None:
        child = serializers.CharField(max_length=64)
        super().__init__(child=child, max_length=max_length, **kwargs)


class PeerSerializer(serializers.ModelSerializer[Peer]):
    """A peer: its settings, and what its node told of it. No secret is ever among them."""

    interface = serializers.UUIDField(source="interface_id", read_only=True)
    interface_name = serializers.CharField(source="interface.name", read_only=True)
    node = serializers.UUIDField(source="interface.node_id", read_only=True)
    node_name = serializers.CharField(source="interface.node.name", read_only=True)
    group = serializers.UUIDField(source="interface.node.group_id", read_only=True, allow_null=True)
    group_name = serializers.CharField(
        source="interface.node.group.name", read_only=True, allow_null=True, default=None
    )
    addresses = AddressesField(read_only=True)
    status = StandingField(read_only=True)
    reasons_off = serializers.SerializerMethodField(help_text="Why it cannot connect, each.")
    is_confirmed = serializers.SerializerMethodField(
        help_text="The node has confirmed this peer as it is here."
    )
    is_outdated = serializers.BooleanField(
        read_only=True, help_text="It holds another configuration than it would get now."
    )
    expires_at = InstantField(
        required=False, allow_null=True, help_text="With an offset; null is never."
    )
    tags = WordsField(max_length=32, required=False)
    routed_networks = WordsField(
        max_length=64, required=False, help_text="Needs the right peers.add_routes."
    )
    decision = serializers.JSONField(
        read_only=True, allow_null=True, help_text="Why this node: the choice, in numbers."
    )

    class Meta:
        model = Peer
        fields = (
            "id", "name", "interface", "interface_name", "node", "node_name", "group",
            "group_name", "public_key", "addresses", "enabled", "expires_at", "status",
            "reasons_off", "is_confirmed", "is_outdated",
            "keepalive", "tags", "notes", "routed_networks",
            "last_handshake_at", "endpoint", "rx_bytes", "tx_bytes", "delivered_at", "decision",
            "created_at", "updated_at",
        )  # fmt: skip
        read_only_fields = (
            "id", "public_key", "last_handshake_at", "endpoint", "rx_bytes", "tx_bytes",
            "delivered_at", "created_at", "updated_at",
        )  # fmt: skip

    def get_reasons_off(self, peer: Peer) -> list[str]:
        return peer.reasons_off(timezone.now())

    def get_is_confirmed(self, peer: Peer) -> bool:
        return peer.generation <= peer.interface.observed_generation
