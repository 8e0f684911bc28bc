"""The shape of HTTP in the REST API: one error form, one page form."""

import logging
from collections.abc import Iterator
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import IntegrityError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views import defaults
from rest_framework import exceptions, pagination, status
from rest_framework.response import Response
from rest_framework.views import exception_handler as drf_exception_handler

logger = logging.getLogger(__name__)
PREFIX = "/api/"
RETRY_AFTER_SECONDS = 5


class Pages(pagination.PageNumberPagination):
    """`?page=` and `?page_size=` (at most 500)."""

    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 500


class Conflict(exceptions.APIException):
    """Two requests met, and the database let one of them pass."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "conflict"
    default_detail = "Another request changed the same data meanwhile. Read it again and retry."


class Unavailable(exceptions.APIException):
    """The database does not answer, or somebody holds its lock for too long."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code = "unavailable"
    default_detail = "The database does not answer now. Nothing was changed; retry."
    wait = RETRY_AFTER_SECONDS


class BodyTooLarge(exceptions.APIException):
    """The body has more than DATA_UPLOAD_MAX_MEMORY_SIZE bytes."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "body_too_large"
    default_detail = "The body is too large."


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Turn every refusal into `{"error": code, "detail": sentence, "fields": {…}}`.

    `fields` is there only where single fields were refused: name → list of sentences; and an error
    that knows more for programs has it in `more`, a dictionary.
    """
    error = _in_terms_of_http(error)
    response = drf_exception_handler(error, context)
    if response is not None:
        response.data = _envelope(error, response)
    return response


def _in_terms_of_http(error: Exception) -> Exception:
    """Give what Django and the database raise its status; other errors stay as they are."""
    if isinstance(error, RequestDataTooBig):
        return BodyTooLarge()
    if isinstance(error, IntegrityError):
        logger.warning("answering 409 to what the database refused", exc_info=error)
        return Conflict()
    if isinstance(error, OperationalError):
        logger.error("answering 503 to what the database could not do", exc_info=error)
        return Unavailable()
    return error


def _envelope(error: Exception, response: Response) -> dict[str, Any]:
    if isinstance(error, exceptions.ValidationError):
        return {
            "error": "invalid",
            "detail": "The request has values that cannot be used.",
            "fields": _fields(response.data),
        }
    more = getattr(error, "more", {})
    return {"error": _code(error), "detail": _sentence(response), **more}


def _fields(data: Any) -> dict[str, list[str]]:
    if not isinstance(data, dict):
        data = {"non_field_errors": data}
    return {str(name): list(_sentences(told)) for name, told in data.items()}


def _sentences(told: Any) -> Iterator[str]:
    """Flatten what was said of one field; of an item in a list, the position comes first."""
    if isinstance(told, dict):
        yield from (f"{key}: {s}" for key, value in told.items() for s in _sentences(value))
    elif isinstance(told, list):
        yield from (sentence for value in told for sentence in _sentences(value))
    else:
        yield _speakable(str(told))


def _speakable(text: str) -> str:
    """A sentence may quote what was sent, and a lone surrogate has no UTF-8."""
    return text.encode(errors="backslashreplace").decode()


def _code(error: Exception) -> str:
    if isinstance(error, Http404):
        return "not_found"
    if isinstance(error, PermissionDenied):
        return "permission_denied"
    codes = error.get_codes() if isinstance(error, exceptions.APIException) else "error"
    return codes if isinstance(codes, str) else "error"


def _sentence(response: Response) -> str:
    return _speakable(str(response.data["detail"]))


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer what Django refused before a view of the API saw it."""
    if request.path.startswith(PREFIX):
        return _json(400, "bad_request", "The request cannot be understood.")
    return defaults.bad_request(request, exception)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path.startswith(PREFIX):
        return _json(404, "not_found", "There is nothing at this address.")
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    if request.path.startswith(PREFIX):
        return _json(500, "server_error", "The panel failed. Its log says why.")
    return defaults.server_error(request)


def _json(code: int, error: str, detail: str) -> JsonResponse:
    return JsonResponse({"error": error, "detail": detail}, status=code)
