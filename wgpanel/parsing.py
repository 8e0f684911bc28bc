"""What a body may be: JSON, not too large, not too deep."""

from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from rest_framework import status
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import JSONParser


class BodyTooLarge(APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "body_too_large"
    default_detail = "The body is too large."


class BoundedJSONParser(JSONParser):
    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the body's value; refuse one over DATA_UPLOAD_MAX_MEMORY_SIZE without reading."""
        if _content_length(parser_context or {}) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise BodyTooLarge
        try:
            return super().parse(stream, media_type, parser_context)
        except RecursionError as error:
            raise ParseError("The JSON is nested too deeply.") from error


def _content_length(parser_context: Mapping[str, Any]) -> int:
    # the server has checked that it is a number, and Django reads no further than it says
    return int(parser_context["request"].META.get("CONTENT_LENGTH") or 0)
