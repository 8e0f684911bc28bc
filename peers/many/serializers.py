import uuid
from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from peers.filters import PeerFilter
from peers.models import Peer
from peers.querysets import PeerQuerySet
from peers.serializers import WordsField

MAX_SELECTION = 1000


class PeerSelectionSerializer(serializers.Serializer):
    """Which peers: `ids`, or all that a `filter` finds."""

    ids = serializers.ListField(
        child=serializers.UUIDField(), required=False, allow_empty=False, max_length=MAX_SELECTION
    )
    filter = serializers.DictField(
        child=serializers.CharField(max_length=100), required=False, allow_empty=False,
        help_text="Parameters of the list of peers, such as `group`, `tag` or `status`.",
    )  # fmt: skip

    def validate_ids(self, ids: list[uuid.UUID]) -> list[uuid.UUID]:
        known = Peer.objects.existing().filter(pk__in=ids).values_list("pk", flat=True)
        if unknown := sorted(set(ids).difference(known)):
            raise serializers.ValidationError([f"There is no peer {pk}." for pk in unknown])
        return ids

    def validate_filter(self, parameters: dict[str, str]) -> dict[str, str]:
        """Refuse what the list would ignore: a slip would mean every peer."""
        if unknown := parameters.keys() - PeerFilter.base_filters.keys():
            raise serializers.ValidationError(
                [f"{ascii(name)} filters nothing." for name in unknown]
            )
        if faults := PeerFilter(parameters, Peer.objects.existing()).errors:
            raise serializers.ValidationError(dict(faults))
        return parameters

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("ids" in attrs) == ("filter" in attrs):
            raise serializers.ValidationError("Send either ids or filter.")
        return attrs

    @property
    def peers(self) -> PeerQuerySet:
        return _selected(**{k: self.validated_data.get(k) for k in ("ids", "filter")})


def _selected(ids: list[uuid.UUID] | None, filter: Mapping[str, str] | None) -> PeerQuerySet:
    existing = Peer.objects.existing()
    return existing.filter(pk__in=ids) if ids else PeerFilter(filter, existing).qs


class BulkSerializer(PeerSelectionSerializer):
    """What is done to several peers."""

    action = serializers.ChoiceField(("disable", "enable", "delete", "tag", "untag"))
    tags = WordsField(max_length=32, required=False, allow_empty=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if (attrs["action"] in ("tag", "untag")) != ("tags" in attrs):
            raise serializers.ValidationError(
                {"tags": "Send tags with the actions tag and untag, and only there."}
            )
        return super().validate(attrs)


class OutcomeSerializer(serializers.Serializer):
    changed = serializers.IntegerField(help_text="How many peers are different now.")
    left = serializers.DictField(
        child=serializers.CharField(), help_text="Peers left as they are: id → why."
    )
