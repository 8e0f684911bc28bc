"""JSON as both sides agree on it: RFC 8259 without its ambiguities (RFC 7493, I-JSON)."""

import json
import math
from typing import Any

MAX_DEPTH = 32


class InvalidJson(ValueError):
    """Not one JSON value, or one that two parsers could read in two ways."""


def parse(body: bytes) -> Any:
    """Raises InvalidJson for NaN and infinities, a name twice in an object, a lone surrogate,
    text that is not UTF-8, and nesting deeper than MAX_DEPTH."""
    try:
        value = json.loads(
            body.decode(),
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
            parse_float=_finite,
        )
    except RecursionError as error:
        raise InvalidJson("is nested too deep") from error
    except ValueError as error:
        raise InvalidJson(f"is not valid: {error}") from error
    _check_depth(value)
    if b"\\u" in body:
        _check_surrogates(value)
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) < len(pairs):
        raise InvalidJson("a name occurs twice in one object")
    return mapping


def _no_constant(name: str) -> float:
    raise InvalidJson(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise InvalidJson("a number is too large")
    return number


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [child for parent in level for child in _children(parent)]
        if not level:
            return
    raise InvalidJson("is nested too deep")


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _check_surrogates(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise InvalidJson("holds half a surrogate pair") from error
