"""What both ways of calling an agent share: the limits of an answer, and failures in words."""

import errno
import ssl
from collections.abc import Iterator

from nodes.calling.exchange import NO_TLS, AgentError

MAX_ANSWER_BYTES = 1024 * 1024


def too_large(most_bytes: int = MAX_ANSWER_BYTES) -> AgentError:
    return AgentError("bad_answer", f"The answer is larger than {most_bytes // 1024} KiB.")


def too_slow(seconds: float) -> AgentError:
    return AgentError("timeout", f"No answer within {seconds:.0f} s.")


def not_connected(seconds: float) -> AgentError:
    return AgentError("timeout", f"No connection within {seconds:.0f} s: nothing answers there.")


def failure_of(error: BaseException, authority: str) -> AgentError:
    """Name what went wrong on the way; the operating system's own error says it best."""
    cause = next((one for one in _causes(error) if _errno(one)), None)
    if cause is None:
        return AgentError("bad_answer", "The connection was closed without a usable HTTP answer.")
    if isinstance(cause, ssl.SSLError):
        return AgentError("identity_mismatch", NO_TLS)
    if _errno(cause) == errno.ECONNREFUSED:
        return AgentError("refused", f"Connection refused: nothing listens at {authority}.")
    if _errno(cause) in (errno.ECONNRESET, errno.EPIPE):
        return AgentError("bad_answer", "The connection was reset before the answer was complete.")
    if _errno(cause) == errno.ETIMEDOUT:
        return AgentError("timeout", f"The connection to {authority} timed out.")
    text = getattr(cause, "strerror", None) or "the connection failed"
    return AgentError("unreachable", f"{authority} cannot be reached: {text}.")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _errno(error: BaseException) -> int | None:
    return error.errno if isinstance(error, OSError) else None
