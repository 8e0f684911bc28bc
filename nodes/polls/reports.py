"""Read an agent's status report, and write it as JSON that both databases can store.

orjson does both: it refuses what RFC 8259 does not know (NaN, infinite numbers, half of a surrogate
pair, bottomless nesting), and costs a third of the standard library's parser.
"""

from typing import NamedTuple

import orjson
from wgpanel_agent.documents import InvalidDocument, StatusReport

from nodes.calling.exchange import AgentError

MAX_BYTES = 256 * 1024
NUL = b"\\u0000"  # PostgreSQL's jsonb has no such character


class Told(NamedTuple):
    """A report that was checked, and its whole text, unknown fields included."""

    text: str
    report: StatusReport


def read(body: bytes) -> Told:
    """Return the report in the body of a verified answer; raise AgentError bad_answer."""
    if len(body) > MAX_BYTES:
        raise AgentError("bad_answer", f"The report is larger than {MAX_BYTES // 1024} KiB.")
    try:
        told = orjson.loads(body)
        report = StatusReport.parse(told)
        text = orjson.dumps(told)
    except InvalidDocument as error:
        raise AgentError("bad_answer", f"Unusable report: {str(error)[:200]}.") from error
    except (orjson.JSONDecodeError, orjson.JSONEncodeError) as error:
        raise AgentError("bad_answer", "The report is not valid JSON.") from error
    if NUL in text:
        raise AgentError("bad_answer", "The report holds a character that cannot be stored.")
    return Told(text.decode(), report)
