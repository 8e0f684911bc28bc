from typing import Any

from rest_framework import serializers
from wgpanel_agent import proof

from nodes.enrolment.join_token import DEFAULT_MINUTES, MOST_MINUTES, JoinToken
from nodes.serializers import GroupField


class JoinTokenSerializer(serializers.ModelSerializer[JoinToken]):
    """A token as it can be shown again: without its secret."""

    group = GroupField(required=False)
    state = serializers.CharField(source="step", read_only=True)
    created_by = serializers.CharField(
        source="created_by.username", read_only=True, allow_null=True, default=None
    )
    minutes = serializers.IntegerField(
        default=DEFAULT_MINUTES, min_value=1, max_value=MOST_MINUTES, write_only=True,
        help_text="How long the token may be used.",
    )  # fmt: skip
    interfaces = serializers.SerializerMethodField(
        help_text="Interfaces that were on the node before; nothing of them was changed."
    )

    class Meta:
        model = JoinToken
        fields = (
            "id", "state", "name", "group", "weight", "max_peers", "dial_url", "source",
            "wants_approval", "node", "minutes", "expires_at", "created_by", "created_at",
            "came_at", "came_from", "called_at", "call_problem", "told_at", "used_at",
            "revoked_at", "reused_at", "reused_from", "wrong_proofs", "interfaces",
        )  # fmt: skip
        read_only_fields = (
            "id", "expires_at", "created_at", "came_at", "came_from", "called_at", "call_problem",
            "told_at", "used_at", "revoked_at", "reused_at", "reused_from", "wrong_proofs",
        )  # fmt: skip

    def get_interfaces(self, token: JoinToken) -> list[dict[str, Any]]:
        return token.told.get("interfaces", [])


class NewTokenSerializer(JoinTokenSerializer):
    """A new token; what to paste is shown in this answer and never again."""

    token = serializers.CharField(read_only=True, help_text="Shown once: it is not stored.")
    line = serializers.CharField(read_only=True, help_text="Where the agent is installed already.")
    install_line = serializers.CharField(read_only=True, help_text="On a bare server, as root.")

    class Meta(JoinTokenSerializer.Meta):
        fields = (  # type: ignore[assignment]
            *JoinTokenSerializer.Meta.fields, "token", "line", "install_line",
        )  # fmt: skip


class AskSerializer(serializers.Serializer):
    """What a node sends to join: made and proven by `wgpanel-agent enrol`."""

    token = serializers.RegexField(rf"\A{proof.LOOKUP}\Z", help_text="The token's public part.")
    hello = serializers.CharField(max_length=proof.MOST_TEXT, trim_whitespace=False)
    proof = serializers.RegexField(rf"\A{proof.HEX_KEY}\Z")


class OfferSerializer(serializers.Serializer):
    state = serializers.ChoiceField(["admitted", "waiting"])
    offer = serializers.CharField(required=False)
    proof = serializers.CharField(required=False)
