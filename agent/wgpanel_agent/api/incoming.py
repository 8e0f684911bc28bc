"""Reading a request strictly: its length, its encoding, its body, its query."""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from wgpanel_agent.api import strict_json
from wgpanel_agent.api.auth import Target
from wgpanel_agent.api.routes import Route
from wgpanel_agent.http import HttpError
from wgpanel_agent.protocol import JSON

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Headers = Iterable[tuple[bytes, bytes]]
WITH_BODY = ("POST", "PUT")


class Disconnected(Exception):
    """The client went away before its request was complete."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request whose head has arrived."""

    target: Target
    headers: Headers
    receive: Receive


def target_of(scope: Scope) -> Target:
    """Bytes stand for themselves (latin-1); what is not ASCII matches no route."""
    client = scope.get("client")
    return Target(
        method=scope["method"],
        path=scope["raw_path"].decode("latin-1"),
        query=scope["query_string"].decode("latin-1"),
        source=client[0] if client else "",
    )


def check_length(route: Route, headers: Headers, limit: int) -> None:
    """Before anything costly; raises HttpError 400, 411 or 413."""
    lengths = [value for name, value in headers if name == b"content-length"]
    if not lengths:
        if route.method in WITH_BODY:
            raise HttpError(411, "length_required", "Content-Length is missing.")
        return
    if len(lengths) > 1 or not re.fullmatch(rb"[0-9]{1,18}", lengths[0]):
        raise HttpError(400, "bad_request", "Content-Length is not one number.")
    if int(lengths[0]) > limit:
        raise HttpError(413, "too_large", f"A body may have {limit} bytes.", limit=limit)
    if int(lengths[0]) and route.method not in WITH_BODY:
        raise HttpError(400, "bad_request", f"{route.method} takes no body.")


def check_encoding(headers: Headers) -> None:
    """Nothing is ever unpacked; raises HttpError 415."""
    if any(name == b"content-encoding" and value != b"identity" for name, value in headers):
        raise HttpError(415, "unsupported_encoding", "Content-Encoding must be identity.")


async def read_body(receive: Receive) -> bytes:
    """The whole body, whose length was checked; raises Disconnected."""
    chunks = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        chunks.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(chunks)


def parse_body(raw: bytes, content_type: str) -> Any:
    if not raw:
        return None
    if content_type != JSON:
        raise HttpError(415, "unsupported_type", f"Content-Type must be {JSON}.")
    try:
        return strict_json.parse(raw)
    except strict_json.InvalidJson as error:
        raise HttpError(422, "bad_json", f"The body {error}.") from error


def parse_query(query: str) -> dict[str, str]:
    """Each name once; raises HttpError 422."""
    try:
        pairs = parse_qsl(
            query,
            keep_blank_values=True,
            strict_parsing=bool(query),
            errors="strict",
            max_num_fields=16,
        )
    except ValueError as error:
        raise HttpError(422, "bad_query", "The query is not of the form a=1&b=2.") from error
    if len(dict(pairs)) < len(pairs):
        raise HttpError(422, "bad_query", "A name occurs twice in the query.")
    return dict(pairs)
