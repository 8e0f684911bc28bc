"""The panel calls a node that waits: where the node cannot reach the panel.

It proves the token, gets the node's hello and brings it the offer; `joining` judges and makes them,
so all that holds for a node that comes holds here. The certificate is believed once the hello has
proven it.
"""

import datetime as dt
import json
import logging
from typing import Any
from uuid import UUID

import requests
import urllib3
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from nodes.calling import outbound
from nodes.calling.exchange import AgentError
from nodes.calling.pinning import Stranger
from nodes.calling.session import CONNECT_SECONDS, new_session
from nodes.calling.wire import failure_of, not_connected, too_slow
from nodes.enrolment import joining
from nodes.enrolment.errors import JoinRefused
from nodes.enrolment.join_token import JoinToken
from nodes.enrolment.serializers import AskSerializer

MOST_CALLS = 50  # begun in one second
READ_SECONDS = 5.0
MOST_ANSWER = 131_072
PATH = "/v1/join/"
SENTENCES = {
    401: "An agent waits there, but with another token.",
    404: "Something answers there, but it waits for no panel: run the line on the node first.",
}
logger = logging.getLogger(__name__)


class CallFailed(Exception):
    """One sentence for the operator who waits for the node."""


class NothingToCall(Exception):
    """The node of this token comes by itself, or it is over."""


def due(now: dt.datetime) -> list[UUID]:
    return list(JoinToken.objects.to_call(now).values_list("pk", flat=True)[:MOST_CALLS])


def call_due(token_id: UUID) -> None:
    """Of several workers with the same message, one calls."""
    now = timezone.now()
    row = JoinToken.objects.to_call(now).filter(pk=token_id).first()
    if row is None:
        return
    if JoinToken.objects.filter(pk=row.pk, called_at=row.called_at).update(called_at=now):
        _call(row)


def call_now(token_id: UUID) -> JoinToken:
    """Call, and return the row with what came of it. Raises NothingToCall."""
    now = timezone.now()
    row = JoinToken.objects.awaiting_call(now).filter(pk=token_id).first()
    if row is None:
        raise NothingToCall
    JoinToken.objects.filter(pk=row.pk).update(called_at=now)
    _call(row)
    return JoinToken.objects.get(pk=token_id)


def _call(row: JoinToken) -> None:
    """Write into the row what came of it."""
    try:
        _converse(row)
        problem = ""
    except (AgentError, CallFailed, JoinRefused) as error:
        problem = str(error)[:300]
        logger.info("join token %s: the call failed: %s", row.lookup[:6], problem)
    if problem != row.call_problem:
        JoinToken.objects.filter(pk=row.pk).update(call_problem=problem)


@sensitive_variables()
def _converse(row: JoinToken) -> None:
    """Raises AgentError, CallFailed and JoinRefused."""
    place, trust = outbound.check(row.dial_url), Stranger()
    with new_session(trust) as session:
        said = _say(session, row, "call", {"call": row.call, "proof": row.call_proof})
        asked = AskSerializer(data={**said, "token": row.lookup})
        if not asked.is_valid():
            raise CallFailed("What answers there is no agent that waits.")
        ask = joining.Ask(address=place.host[:45], shown_pin=trust.shown, **asked.validated_data)
        offer = joining.join(ask)
        if offer is not None:
            _say(session, row, "offer", offer)
            JoinToken.objects.filter(pk=row.pk).update(told_at=timezone.now())


@sensitive_variables()
def _say(
    session: requests.Session, row: JoinToken, what: str, said: dict[str, str]
) -> dict[str, Any]:
    """Raises AgentError and CallFailed."""
    try:
        with session.post(
            f"{row.dial_url}{PATH}{what}",
            json={**said, "token": row.lookup},
            timeout=(CONNECT_SECONDS, READ_SECONDS),
            allow_redirects=False,
            stream=True,
        ) as response:
            return _understood(response)
    except requests.ConnectTimeout as error:
        raise not_connected(CONNECT_SECONDS) from error
    except (requests.Timeout, urllib3.exceptions.TimeoutError) as error:
        raise too_slow(READ_SECONDS) from error
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        raise failure_of(error, row.dial_url.removeprefix("https://")) from error


def _understood(response: requests.Response) -> dict[str, Any]:
    """What an agent says; nothing of it is repeated to whoever typed the address."""
    if response.status_code != 200:
        status = response.status_code
        raise CallFailed(SENTENCES.get(status, f"HTTP {status} from what answers there."))
    try:
        told = json.loads(response.raw.read(MOST_ANSWER, decode_content=False))
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        raise CallFailed("What answers there is no agent that waits.")
    return told
