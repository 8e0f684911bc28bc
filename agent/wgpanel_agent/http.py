"""What passes between the HTTP edge (`app`) and the handlers: a call, a reply, or an error."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from wgpanel_agent.grammar import InvalidDocument


@dataclass(frozen=True, slots=True)
class Call:
    """One request as a handler sees it, after every check of the gate.

    `params` are the variable parts of the path, `query` has each key once, `body` is the parsed
    JSON or None where the request had none. `signed` is False only on public routes. `if_match`
    is the header field as it was sent, `keyid` names the key that signed.
    """

    params: dict[str, str]
    query: dict[str, str]
    body: Any
    signed: bool
    if_match: str | None = None
    keyid: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: JSON for a dict or list; bytes go out as they are and name a `content-type`."""

    status: int
    body: dict[str, Any] | list[Any] | bytes
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply as it goes over the wire."""

    status: int
    body: bytes
    headers: dict[str, str]


class HttpError(Exception):
    """Becomes the one error envelope, `{"error": code, "detail": sentence, **extra}`."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = dict(headers or {})
        self.extra = extra

    def envelope(self) -> dict[str, Any]:
        return {"error": self.code, "detail": self.detail, **self.extra}


@contextmanager
def invalid_as_422() -> Iterator[None]:
    """What is outside the grammar is the caller's mistake."""
    try:
        yield
    except InvalidDocument as error:
        raise HttpError(422, "invalid", f"{error}.", field=error.field) from error


@dataclass(frozen=True, slots=True)
class Counters:
    """What the edge counts for the metrics: requests by route and status, refusals by reason."""

    requests: Counter[tuple[str, int]] = field(default_factory=Counter)
    auth_failures: Counter[str] = field(default_factory=Counter)
