"""The API described as OpenAPI 3: every operation with its refusals and its ways to log in."""

from typing import Any, Literal

from drf_spectacular.contrib.knox_auth_token import KnoxTokenScheme
from drf_spectacular.openapi import AutoSchema
from rest_framework import serializers

Direction = Literal["request", "response"]


class ErrorSerializer(serializers.Serializer):
    """Every refusal has this form."""

    error = serializers.CharField(help_text="A code for programs.")
    detail = serializers.CharField(help_text="A sentence for people.")
    fields = serializers.DictField(  # type: ignore[assignment]
        child=serializers.ListField(child=serializers.CharField()),
        required=False,
        help_text="Where single fields were refused: name → sentences.",
    )
    exclusions = serializers.DictField(
        child=serializers.IntegerField(),
        required=False,
        help_text="Where no node can take a peer: what is in the way → how many nodes.",
    )


class Schema(AutoSchema):
    """Adds the refusals that every operation may give."""

    def _get_response_bodies(self, direction: Direction = "response") -> dict[str, Any]:
        refusals = {
            code: self._get_response_for_code(ErrorSerializer, code, direction=direction)
            for code in self._refusals()
        }
        return {**refusals, **super()._get_response_bodies(direction)}

    def _refusals(self) -> list[str]:
        found = ["404"] if "{" in self.path or self._is_list_view() else []
        return ["400", "401", "403", *found, "default"]


class TokenScheme(KnoxTokenScheme):
    target_class = "accounts.authentication.TokenAuthentication"
    name = "token"
