"""The shape of HTTP in the REST API: one error form, one page form."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework import exceptions, pagination, status
from rest_framework.response import Response
from rest_framework.views import exception_handler as drf_exception_handler


class Pages(pagination.PageNumberPagination):
    """`?page=` and `?page_size=` (at most 500)."""

    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 500


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Turn every refusal into `{"error": code, "detail": sentence, "fields": {…}}`.

    `fields` is there only where single fields were refused: name → list of sentences.
    """
    response = drf_exception_handler(error, context)
    if response is not None:
        response.data = _envelope(error, response)
    return response


def _envelope(error: Exception, response: Response) -> dict[str, Any]:
    if isinstance(error, exceptions.ValidationError):
        return {
            "error": "invalid",
            "detail": "The request has values that cannot be used.",
            "fields": _fields(response.data),
        }
    return {"error": _code(error), "detail": _sentence(response)}


def _fields(data: Any) -> dict[str, Any]:
    return data if isinstance(data, dict) else {"non_field_errors": data}


def _code(error: Exception) -> str:
    if isinstance(error, Http404):
        return "not_found"
    if isinstance(error, PermissionDenied):
        return "permission_denied"
    codes = error.get_codes() if isinstance(error, exceptions.APIException) else "error"
    return codes if isinstance(codes, str) else "error"


def _sentence(response: Response) -> str:
    data = response.data
    return str(data.get("detail", "")) if isinstance(data, dict) else str(data)


class Conflict(exceptions.APIException):
    """409: the request is well formed but does not fit the present state."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "conflict"
