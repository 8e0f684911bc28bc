"""What the core refuses, in terms of HTTP."""

from typing import Any

from django.http import Http404
from rest_framework import status
from rest_framework.exceptions import APIException, ValidationError

from nodes.models import Interface
from peers.configuration.client_conf import NoClientConf
from peers.errors import IdempotencyConflict, NoFreeAddress, Refused
from peers.models import Peer
from selection.decision import NoNodeAvailable


class Conflict(APIException):
    """The request is right, but not now; `default_code` says why."""

    status_code = status.HTTP_409_CONFLICT

    def __init__(self, code: str, sentence: str, **facts: Any) -> None:
        super().__init__(sentence, code)
        self.more = facts


CODES: dict[type[Exception], str] = {
    NoFreeAddress: "no_free_address",
    IdempotencyConflict: "idempotency_conflict",
    NoClientConf: "no_configuration",
}


def in_terms_of_http(error: Exception) -> Exception:
    """Return the refusal of a request that `error` comes to; other errors as they are."""
    if isinstance(error, Refused):
        return ValidationError({error.field: [error.sentence]})
    if isinstance(error, Peer.DoesNotExist | Interface.DoesNotExist):
        return Http404()
    if isinstance(error, NoNodeAvailable):
        return Conflict("no_node_available", str(error), exclusions=error.exclusions)
    code = CODES.get(type(error))
    return Conflict(code, str(error)) if code else error


class Refusing:
    """A view of whose core's refusals none is a fault of the panel."""

    def handle_exception(self, error: Exception) -> Any:
        told = in_terms_of_http(error)
        if told is not error:
            told.__cause__ = error
        return super().handle_exception(told)  # type: ignore[misc]
