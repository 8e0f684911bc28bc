from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from nodes.models import Interface
from reconcile.checks import wording
from reconcile.checks.drift import Item
from reconcile.decisions.plans import Act, Flags
from reconcile.models import Drift, DriftRecord, DriftState, ReconcileRun

SHOWN_IN_LISTS = 10
KINDS = ("missing", "unknown", "mismatched", "interface")
NOT_CHECKED = "Nobody has checked it yet."


@extend_schema_field(OpenApiTypes.ANY)
class ValueField(serializers.ReadOnlyField):
    """A setting as one side has it: text, a number, a list, several by name, or null."""


class ItemSerializer(serializers.Serializer):
    """One difference; a preshared key shows as its fingerprint only."""

    id = serializers.CharField(source="identity", help_text="By which it is chosen for a plan.")
    kind = serializers.ChoiceField(KINDS)
    public_key = serializers.CharField(allow_null=True, help_text="Null: the interface itself.")
    field = serializers.CharField(  # type: ignore[assignment]
        allow_null=True, help_text="`conf` and `conf.…` are about the file on the node's disk."
    )
    desired = ValueField()
    observed = ValueField()
    what = serializers.SerializerMethodField(help_text="What kind of difference it is, in words.")

    def get_what(self, item: Item) -> str:
        return wording.what(item)


class DriftSerializer(serializers.Serializer):
    """How an interface stands, as the last check found: an error is `unknown`, never in sync."""

    interface = serializers.UUIDField(source="pk")
    interface_name = serializers.CharField(source="name")
    node = serializers.UUIDField(source="node_id")
    node_name = serializers.CharField(source="node.name")
    state = serializers.ChoiceField(DriftState.choices, source="drift.state")
    reason = serializers.CharField(source="drift.reason", help_text="Why nothing is known.")
    checked_at = serializers.DateTimeField(source="drift.checked_at", allow_null=True)
    count = serializers.IntegerField(
        source="drift.count", help_text="How many differences there are."
    )
    sessions = serializers.IntegerField(
        source="drift.live_count", help_text="Live sessions of the interface then."
    )
    ignored = serializers.SerializerMethodField(
        help_text="How many differences are not told because an operator ignores them."
    )
    items = serializers.SerializerMethodField(
        help_text=f"The differences: of a list the first {SHOWN_IN_LISTS}, else up to 1000."
    )

    def to_representation(self, instance: Interface) -> dict[str, Any]:
        if not hasattr(instance, "drift"):
            instance.drift = Drift(reason=NOT_CHECKED, checked_at=None)  # type: ignore[misc]
        return super().to_representation(instance)

    def get_ignored(self, interface: Interface) -> int:
        return len(interface.drift.ignored)

    @extend_schema_field(ItemSerializer(many=True))
    def get_items(self, interface: Interface) -> list[dict[str, Any]]:
        most = None if self.parent is None else SHOWN_IN_LISTS
        items = [Item.parse(told) for told in interface.drift.items[:most]]
        return list(ItemSerializer(items, many=True).data)


class RecordSerializer(serializers.ModelSerializer[DriftRecord]):
    """A finding that differed from the one before it."""

    state = serializers.ChoiceField(DriftState.choices)
    items = serializers.SerializerMethodField(
        help_text=f"The first {SHOWN_IN_LISTS} of `count` differences."
    )

    class Meta:
        model = DriftRecord
        fields = ("checked_at", "state", "reason", "count", "items")
        read_only_fields = fields

    @extend_schema_field(ItemSerializer(many=True))
    def get_items(self, record: DriftRecord) -> list[dict[str, Any]]:
        items = [Item.parse(told) for told in record.items[:SHOWN_IN_LISTS]]
        return list(ItemSerializer(items, many=True).data)


class FlagsSerializer(serializers.Serializer):
    """What to do about differences, by their kind; without `plan` nothing is done yet."""

    FLAGS = ("reconcile_missing", "reconcile_mismatched", "remove_unknown")

    reconcile_missing = serializers.BooleanField(
        default=True, help_text="Give the node the peers that it lacks."
    )
    reconcile_mismatched = serializers.BooleanField(
        default=True, help_text="Give the node the settings that it has otherwise."
    )
    remove_unknown = serializers.BooleanField(
        default=False, help_text="Remove the peers that the panel does not know."
    )
    plan = serializers.CharField(
        required=False, max_length=64, help_text="The hash of a preview: do exactly that."
    )

    @property
    def flags(self) -> Flags:
        return Flags(**{name: self.validated_data[name] for name in self.FLAGS})


class ChoicesSerializer(FlagsSerializer):
    """As for many interfaces, or an act for each difference by its id."""

    choices = serializers.DictField(
        child=serializers.ChoiceField(Act.choices), required=False, allow_empty=False,
        help_text="Id of a difference → act; what is not named stays. Flags do not count then.",
    )  # fmt: skip

    @property
    def wanted(self) -> Flags | dict[str, Act]:
        if "choices" in self.validated_data:
            return {key: Act(it) for key, it in self.validated_data["choices"].items()}
        return self.flags


class StepSerializer(serializers.Serializer):
    act = serializers.ChoiceField(Act.choices)
    item = ItemSerializer()
    note = serializers.CharField(help_text="What to know before.")


class PlanSerializer(serializers.Serializer):
    """What will be done to one interface."""

    interface = serializers.UUIDField(source="interface_id")
    plan = serializers.CharField(source="hash")
    steps = StepSerializer(many=True)
    also = ItemSerializer(
        many=True, help_text="Differences that go too, because the whole document is sent."
    )
    is_whole = serializers.BooleanField(help_text="The whole document is sent.")
    sessions = serializers.IntegerField(help_text="How many live sessions it drops.")


class RunSerializer(serializers.ModelSerializer[ReconcileRun]):
    """A decision, which the node has yet to confirm."""

    interface = serializers.UUIDField(source="interface_id", read_only=True)
    started_by = serializers.CharField(
        source="started_by.username", default=None, read_only=True, allow_null=True
    )

    class Meta:
        model = ReconcileRun
        fields = (
            "id", "interface", "kind", "generation", "started_by", "started_at", "done_at",
            "outcome",
        )  # fmt: skip
        read_only_fields = fields


class ReconcileSerializer(serializers.Serializer):
    """A preview, where `applied` is false, or what became of it."""

    applied = serializers.BooleanField()
    plan = serializers.CharField(help_text="Send it back to do exactly this.")
    sessions = serializers.IntegerField(help_text="How many live sessions all of it drops.")
    plans = PlanSerializer(many=True)
    unknown = serializers.DictField(
        child=serializers.CharField(), help_text="Interfaces of which nothing is known: id → why."
    )
    runs = RunSerializer(many=True)
    failed = serializers.DictField(
        child=serializers.CharField(), help_text="Interfaces whose plan was not done: id → why."
    )


class ConflictSerializer(serializers.Serializer):
    """What either choice would mean."""

    interface = serializers.UUIDField(source="interface_id")
    seen = serializers.CharField(source="hash", help_text="Send it with the choice.")
    generation = serializers.IntegerField(
        source="state.generation", default=None, allow_null=True, help_text="The node's."
    )
    items = ItemSerializer(many=True)
    removals = serializers.ListField(
        child=serializers.CharField(), help_text="Peers that the node loses if the panel is right."
    )
    keyless = serializers.ListField(
        child=serializers.CharField(), help_text="Peers that need a new file if the node is right."
    )


class ChoiceSerializer(serializers.Serializer):
    choose = serializers.ChoiceField(("panel", "node"), help_text="Whose state holds.")
    seen = serializers.CharField(max_length=64, help_text="As the conflict was seen.")
