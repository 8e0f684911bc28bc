"""Read an agent's status report: strict JSON that both databases store as it was told."""

import json
import re
from dataclasses import dataclass

from wgpanel_agent.documents import InvalidDocument, StatusReport

from nodes.exchange import AgentError

MAX_BYTES = 256 * 1024
# jsonb takes neither the character U+0000 nor half of a surrogate pair
_UNSTORABLE = re.compile(r"\\u(0000|[dD][89a-fA-F])")


@dataclass(frozen=True, slots=True)
class Told:
    """A report that was checked, and the text it came in."""

    text: str
    report: StatusReport


def read(body: bytes) -> Told:
    """Return the report in the body of a verified answer; raise AgentError bad_answer."""
    if len(body) > MAX_BYTES:
        raise AgentError("bad_answer", f"The report is larger than {MAX_BYTES // 1024} KiB.")
    try:
        text = body.decode()
        report = StatusReport.parse(_loads(text))
    except InvalidDocument as error:
        raise AgentError("bad_answer", f"Unusable report: {str(error)[:200]}.") from error
    except (ValueError, RecursionError) as error:
        raise AgentError("bad_answer", "The report is not JSON that can be stored.") from error
    return Told(text, report)


def _loads(text: str) -> object:
    if "\\u" in text and _UNSTORABLE.search(text):
        raise ValueError("a character that is none")
    return _decoder.decode(text)


def _number(text: str) -> float:
    value = float(text)
    if 1e-300 < abs(value) < 1e300 or not text.strip("-0."):
        return value
    raise ValueError("a number that PostgreSQL could not store")


def _constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON (RFC 8259)")


_decoder = json.JSONDecoder(parse_constant=_constant, parse_float=_number)
