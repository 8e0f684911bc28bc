from typing import Any

from rest_framework import serializers

from nodes.models import Interface
from nodes.serializers import GroupField
from peers.creation.creating import Where
from peers.serializers import InstantField, PeerSerializer, WordsField

PLACES = ("group", "node", "interface")
STRATEGIES = ("auto", "priority")


class PeerCreateSerializer(serializers.Serializer):
    """A new peer. Where it goes: `interface`, `node` or `group`, else the best node of all."""

    name = serializers.CharField(max_length=64)
    group = GroupField(required=False)
    node = serializers.CharField(required=False, max_length=64, help_text="Id or name.")
    interface = serializers.PrimaryKeyRelatedField(
        queryset=Interface.objects.present(), required=False
    )
    strategy = serializers.ChoiceField(STRATEGIES, default="auto")
    keys = serializers.ChoiceField(
        ("client", "panel"), default="client",
        help_text="Who makes the key pair. `client` sends `public_key`; a key that the panel makes"
        " is shown once, in this answer, and needs the right peers.view_configuration.",
    )  # fmt: skip
    public_key = serializers.CharField(required=False, max_length=64, trim_whitespace=False)
    preshared_key = serializers.CharField(
        required=False, write_only=True, max_length=64, trim_whitespace=False,
        help_text="Made by the panel unless it is given; 32 zero bytes are none.",
    )  # fmt: skip
    with_preshared_key = serializers.BooleanField(default=True)
    enabled = serializers.BooleanField(default=True)
    expires_at = InstantField(required=False, allow_null=True, help_text="null is never.")
    keepalive = serializers.IntegerField(
        required=False, allow_null=True, min_value=0, max_value=65535,
        help_text="Seconds between the keepalives that the node sends; null or 0 is none.",
    )  # fmt: skip
    tags = WordsField(max_length=32, required=False)
    notes = serializers.CharField(required=False, allow_blank=True, max_length=2000)
    routed_networks = WordsField(
        max_length=64, required=False, help_text="Needs the right peers.add_routes."
    )
    addresses = WordsField(
        max_length=2, required=False, help_text="One of each family; else the next free ones."
    )

    def validate_node(self, node: str) -> str:
        if node in STRATEGIES:
            raise serializers.ValidationError("Name a node that is called like this by its id.")
        return node

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        self._refuse_two_places(attrs)
        if (attrs["keys"] == "client") != ("public_key" in attrs):
            sentence = "Send the client's public key, or `keys` as `panel`, not both."
            raise serializers.ValidationError({"public_key": sentence})
        return attrs

    @staticmethod
    def _refuse_two_places(attrs: dict[str, Any]) -> None:
        if len([place for place in PLACES if attrs.get(place)]) > 1:
            raise serializers.ValidationError("Send at most one of group, node and interface.")

    @property
    def makes_key(self) -> bool:
        return self.validated_data["keys"] == "panel"

    @property
    def where(self) -> Where:
        sent = self.validated_data
        group = sent.get("group")
        return Where(
            strategy=sent.get("node", sent["strategy"]),
            group=group and group.pk,
            interface=sent.get("interface"),
        )

    @property
    def wish(self) -> dict[str, Any]:
        """The fields of `wishes.Wish`."""
        elsewhere = {*PLACES, "strategy", "keys"}
        return {name: it for name, it in self.validated_data.items() if name not in elsewhere}


class CreatedSerializer(PeerSerializer):
    """A new peer, with what its client needs."""

    config = serializers.CharField(
        allow_null=True, help_text="The client's file; null where it cannot be shown."
    )
    no_config = serializers.CharField(help_text="Why there is no file; empty where there is one.")
    private_key = serializers.CharField(
        allow_null=True, help_text="Shown once, where the panel made it."
    )
    is_repeat = serializers.BooleanField(
        help_text="An earlier request with this Idempotency-Key made the peer."
    )

    class Meta(PeerSerializer.Meta):
        fields = (  # type: ignore[assignment]
            *PeerSerializer.Meta.fields, "config", "no_config", "private_key", "is_repeat",
        )  # fmt: skip
