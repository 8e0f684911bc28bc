"""Failures on the way, in words."""

import errno
import os

import pytest

from nodes.calling.exchange import AgentError
from nodes.calling.wire import failure_of

PLACE = "198.51.100.7:8080"


@pytest.mark.parametrize(
    ("number", "code", "words"),
    [
        (errno.ECONNREFUSED, "refused", f"nothing listens at {PLACE}"),
        (errno.ECONNRESET, "bad_answer", "reset before the answer was complete"),
        (errno.EPIPE, "bad_answer", "reset before the answer was complete"),
        (errno.ETIMEDOUT, "timeout", f"connection to {PLACE} timed out"),
        (errno.EHOSTUNREACH, "unreachable", "No route to host"),
        (errno.ENETUNREACH, "unreachable", "Network is unreachable"),
        (errno.EMFILE, "unreachable", "Too many open files"),
    ],
)
def test_the_operating_system_says_it_best(number, code, words):
    failure = failure_of(OSError(number, os.strerror(number)), PLACE)
    assert (failure.code, words in failure.sentence) == (code, True)


def wrapped(cause: Exception) -> Exception:
    """Return an error as libraries raise it: theirs, with the true one behind."""
    error = RuntimeError("retries exceeded with url")
    error.__cause__ = error.__context__ = cause
    return error


def test_a_librarys_own_words_do_not_hide_the_cause():
    refused = ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")
    assert failure_of(wrapped(refused), PLACE).code == "refused"


def test_what_has_no_number_is_a_bad_answer():
    failure = failure_of(wrapped(ValueError("bad header")), PLACE)
    assert isinstance(failure, AgentError)
    assert failure.code == "bad_answer"
