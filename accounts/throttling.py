"""How often somebody may try to log in: the limits that django-axes keeps.

A pair of name and address has 5 tries, then one each 15 minutes; a name has 20 an hour and an
address 50 an hour, whoever else tries. Nobody is locked out for longer than that.
"""

import datetime as dt
from typing import Any

from axes.handlers.database import AxesDatabaseHandler
from axes.helpers import get_client_username
from axes.models import AccessAttempt
from django.db.models import Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from accounts.addresses import UNKNOWN, client_network

PAIR_TRIES, USER_TRIES, ADDRESS_TRIES = 5, 20, 50
REST = dt.timedelta(minutes=15)
WINDOW = dt.timedelta(hours=1)


class Limits(AxesDatabaseHandler):
    """Counts in units of PAIR_TRIES, so that the one limit of axes fits all three."""

    def get_failures(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> int:
        now = timezone.now()
        recent = AccessAttempt.objects.filter(attempt_time__gte=now - WINDOW)
        by_user = recent.filter(username=get_client_username(request, credentials))
        by_address = recent.filter(ip_address=limited_address(request))
        pair = (by_user & by_address).filter(attempt_time__gte=now - REST)
        counted = ((pair, PAIR_TRIES), (by_user, USER_TRIES), (by_address, ADDRESS_TRIES))
        return max(_failures(attempts) * PAIR_TRIES // limit for attempts, limit in counted)


def _failures(attempts: Any) -> int:
    return attempts.aggregate(sum=Sum("failures_since_start"))["sum"] or 0


def limited_address(request: HttpRequest) -> str | None:
    """Return whom an address stands for: an IPv4 address, or the first of an IPv6 /64."""
    network = client_network(request).partition("/")[0]
    return None if network == UNKNOWN else network


def locked_out(
    request: HttpRequest, response: HttpResponse | None, credentials: dict[str, Any] | None
) -> HttpResponse:
    """Answer the same for every name, whether there is such a user or not."""
    minutes = int(REST.total_seconds() // 60)
    answer = render(request, "accounts/locked_out.html", {"minutes": minutes}, status=429)
    answer["Retry-After"] = str(int(REST.total_seconds()))
    return answer
