from rest_framework import serializers

from groups import references
from groups.models import NodeGroup
from selection.decision import WORDS
from selection.outlook import MOST, WhatIf
from selection.pool import AUTO

LONGEST_NAME = 64


class QuestionSerializer(serializers.Serializer):
    """Where would the next peers go?"""

    strategy = serializers.CharField(
        default=AUTO,
        max_length=LONGEST_NAME,
        help_text="`auto`, `priority` (of groups), or the id or name of a node.",
    )
    group = serializers.CharField(
        default=None,
        allow_null=True,
        max_length=LONGEST_NAME,
        help_text="Id or name; null for the whole fleet.",
    )
    peers = serializers.IntegerField(
        default=1, min_value=1, max_value=MOST, help_text="How many choices to play through."
    )

    def validate_group(self, reference: str | None) -> NodeGroup | None:
        """Find it; an empty name is refused too, lest it be taken for the whole fleet."""
        try:
            return None if reference is None else references.find(reference)
        except NodeGroup.DoesNotExist as error:
            raise serializers.ValidationError("There is no such group.") from error


class CandidateSerializer(serializers.Serializer):
    """A node with the parts of its score, and the counts they were made of."""

    node_id = serializers.UUIDField()
    node = serializers.CharField()
    base = serializers.FloatField(help_text="peers / max_peers / weight")
    cpu = serializers.FloatField(help_text="What the CPU's load adds.")
    memory = serializers.FloatField(help_text="What the memory's load adds.")
    total = serializers.FloatField(help_text="The score: the lowest is chosen.")
    peers = serializers.IntegerField(help_text="Active, and those placed too lately to be.")
    assigned_peers = serializers.IntegerField(help_text="Placed here, connected or not.")
    max_peers = serializers.IntegerField()
    weight = serializers.FloatField()
    cpu_percent = serializers.FloatField(allow_null=True)
    memory_percent = serializers.FloatField(allow_null=True)


class ShareSerializer(serializers.Serializer):
    node_id = serializers.UUIDField()
    node = serializers.CharField()
    places = serializers.IntegerField(help_text="How many of the next peers it would take.")


class ExclusionsField(serializers.DictField):
    """How many nodes are left out, by the first thing that is in the way."""

    child = serializers.IntegerField()

    def __init__(self) -> None:
        words = ", ".join(f"`{code}` ({text})" for code, text in WORDS.items())
        super().__init__(help_text=f"Reason → number of nodes. Reasons are {words}.")


class AnswerSerializer(serializers.Serializer):
    """The node for the next peer and why; nothing is reserved."""

    node_id = serializers.UUIDField()
    node = serializers.CharField()
    strategy = serializers.CharField()
    group = serializers.CharField(allow_null=True, help_text="The group within which was chosen.")
    at = serializers.DateTimeField()
    candidates = CandidateSerializer(many=True, help_text="The ten best, best first.")
    next = ShareSerializer(many=True, help_text="Who would take how many of `peers`.")
    unplaced = serializers.IntegerField(help_text="How many of `peers` would find no room.")
    exclusions = ExclusionsField()


class RefusalSerializer(serializers.Serializer):
    """No node can take a peer, or not the one that was named."""

    error = serializers.CharField()
    detail = serializers.CharField()
    exclusions = ExclusionsField()


def told(answer: WhatIf) -> dict:
    """Return the answer as AnswerSerializer describes it."""
    shares = [(share.candidate, share.places) for share in answer.outlook.shares]
    return {
        **answer.decision.as_json(),
        "next": [
            {"node_id": candidate.node_id, "node": candidate.node, "places": places}
            for candidate, places in shares
        ],
        "unplaced": answer.outlook.unplaced,
        "exclusions": answer.exclusions,
    }
