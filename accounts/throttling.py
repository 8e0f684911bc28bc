"""How often somebody may try to log in: the limits that django-axes keeps.

A pair of name and address has 5 tries; then it rests for 1, 2, 4, 8 and at last 15 minutes, each
time for one try more. An address has 50 an hour for all names. A name has 20 an hour from all
addresses, but for browsers in which its owner has signed in before: a guesser locks nobody out.
"""

import datetime as dt
import math
from typing import Any

from axes.handlers.database import AxesDatabaseHandler
from axes.helpers import get_client_username
from axes.models import AccessAttempt
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from accounts.addresses import UNKNOWN, client_network
from accounts.known_browsers import is_known

PAIR_TRIES, USER_TRIES, ADDRESS_TRIES = 5, 20, 50
LONGEST_REST_MINUTES = 15
WINDOW = dt.timedelta(hours=1)
NONE = dt.timedelta(0)
Failures = list[tuple[dt.datetime, int]]  # when the last was, and how many, of one browser


class Limits(AxesDatabaseHandler):
    """Says "at the limit" or "no failure", so that the one limit of axes fits all three of ours."""

    def get_failures(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> int:
        return PAIR_TRIES if wait(request, credentials) else 0


def wait(request: HttpRequest, credentials: dict[str, Any] | None = None) -> dt.timedelta:
    """Return how long this name has no further try from this address; NONE if it has one now."""
    now = timezone.now()
    recent = AccessAttempt.objects.filter(attempt_time__gt=now - WINDOW)
    name = get_client_username(request, credentials)
    by_user = recent.filter(username=name)
    by_address = recent.filter(ip_address=limited_address(request))
    ends = [
        _end_of_rest(_failures(by_user & by_address)),
        _end_of_window(_failures(by_address), ADDRESS_TRIES),
    ]
    if not is_known(request, name):
        ends.append(_end_of_window(_failures(by_user), USER_TRIES))
    return max([NONE, *(end - now for end in ends if end)])


def rest_after(failures: int) -> dt.timedelta:
    """Return how long a pair rests after so many failures in a row."""
    if failures < PAIR_TRIES:
        return NONE
    doublings = min(failures - PAIR_TRIES, LONGEST_REST_MINUTES.bit_length())
    return dt.timedelta(minutes=min(2**doublings, LONGEST_REST_MINUTES))


def _failures(attempts: QuerySet[AccessAttempt]) -> Failures:
    rows = attempts.order_by("attempt_time")
    return list(rows.values_list("attempt_time", "failures_since_start"))


def _end_of_rest(failures: Failures) -> dt.datetime | None:
    count = sum(number for _, number in failures)
    return failures[-1][0] + rest_after(count) if failures else None


def _end_of_window(failures: Failures, limit: int) -> dt.datetime | None:
    """Return when so many of the failures are an hour old that fewer than `limit` count."""
    counted = 0
    for at, number in reversed(failures):
        counted += number
        if counted >= limit:
            return at + WINDOW
    return None


def limited_address(request: HttpRequest) -> str | None:
    """Return whom an address stands for: an IPv4 address, or the first of an IPv6 /64."""
    network = client_network(request).partition("/")[0]
    return None if network == UNKNOWN else network


def locked_out(
    request: HttpRequest, response: HttpResponse | None, credentials: dict[str, Any] | None
) -> HttpResponse:
    """Answer the same for every name, whether there is such a user or not."""
    seconds = max(1, math.ceil(wait(request, credentials).total_seconds()))
    context = {"wait": _in_words(math.ceil(seconds / 60))}
    answer = render(request, "accounts/locked_out.html", context, status=429)
    answer["Retry-After"] = str(seconds)
    return answer


def _in_words(minutes: int) -> str:
    if minutes >= WINDOW.total_seconds() // 60:
        return "an hour"
    return "a minute" if minutes == 1 else f"{minutes} minutes"
