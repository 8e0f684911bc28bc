"""One signed call to an agent without the network: what to send, and what an answer is worth.

`converse` is the whole exchange as a generator, so that the synchronous client and the poller
share every rule and differ only in how bytes travel. It does no I/O.
"""

import json
import re
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from wgpanel_agent import protocol
from wgpanel_agent.protocol import Keys, ProtocolError, SignedRequest, VerifiedResponse

from nodes.calling.pins import Pins

SKEW_WORTH_A_WARNING_MS = 5_000
OTHER_CERTIFICATE = "Another certificate than the pinned one is shown at this address."
NO_TLS = "What answers at this address does not speak TLS as our agent does."
SOMEBODY_ELSE = "Somebody else answers at this address: the answer is not signed with our key."
MISTAKEN_IDENTITY = (SOMEBODY_ELSE, OTHER_CERTIFICATE, NO_TLS)
_LATEST_TIME = 10**12  # far beyond any clock, and still a time that can be signed


class AgentError(Exception):
    """The agent gave no answer that can be believed and used.

    `code` is for machines: timeout, refused, unreachable, unsigned, wrong_key, bad_answer,
    clock_skew, identity_mismatch, no_secret, no_pin, locked, bad_url, address_refused,
    plain_http_refused, or http_ and a status.
    `sentence` is for people. `skew_ms` is set where the agent proved that its clock is off.
    `envelope` is what the agent itself said of its refusal, verified; empty when it said nothing.
    `retry_after` is how many seconds it wants to be left alone, None where it did not say.
    """

    def __init__(
        self,
        code: str,
        sentence: str,
        skew_ms: int | None = None,
        envelope: Mapping[str, Any] | None = None,
        retry_after: int | None = None,
    ):
        super().__init__(sentence)
        self.retry_after = retry_after
        self.code, self.sentence, self.skew_ms = code, sentence, skew_ms
        self.envelope: Mapping[str, Any] = envelope or {}


@dataclass(frozen=True, slots=True)
class Call:
    """What to ask of which agent; `authority` is what Host says, without `pins` by plain HTTP.

    `next_keys` are tried where `keys` are refused: the agent may have them already.
    """

    authority: str
    keys: Keys
    path: str
    method: str = "GET"
    query: str = ""
    body: bytes = b""
    if_match: str | None = None
    idempotency_key: str | None = None
    next_keys: Keys | None = None
    pins: Pins | None = None


class Received(NamedTuple):
    """An answer as it came over the wire, before anything in it is believed; times are ours."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    sent_at: float
    received_at: float


class Answer(NamedTuple):
    """A verified answer; `skew_ms` is how far the agent's clock is ahead, 0 within its second."""

    status: int
    body: bytes
    etag: str | None
    skew_ms: int
    sent_at: float
    received_at: float


Conversation = Generator[SignedRequest, Received, Answer]


def converse(
    call: Call, skew_ms: int | None = None, clock: Callable[[], float] = time.time
) -> Conversation:
    """Yield requests to send, take what came back, return the verified answer of success.

    A signed `clock_skew` is answered by signing once more with the agent's time. Raises AgentError.
    """
    try:
        answer = yield from _ask(call, skew_ms or 0, clock)
    except AgentError as error:
        if error.code != "wrong_key" or call.next_keys is None:
            raise
        call = replace(call, keys=call.next_keys)
        answer = yield from _ask(call, skew_ms or 0, clock)
    if answer.status == 401 and _is_clock_skew(answer):
        answer = yield from _ask(call, answer.skew_ms, clock)
        if _is_clock_skew(answer):
            raise AgentError("clock_skew", _skew_sentence(answer.skew_ms), answer.skew_ms)
    if answer.status >= 300:
        raise _refused(answer)
    return answer


def _ask(call: Call, skew_ms: int, clock: Callable[[], float]) -> Conversation:
    request = _sign(call, clock() + skew_ms / 1000)
    received = yield request
    verified = _verify(call.keys, request, received)
    skew_ms = _skew_ms(verified.created, received.sent_at, received.received_at)
    return Answer(
        received.status, received.body, verified.etag, skew_ms,
        received.sent_at, received.received_at,
    )  # fmt: skip


def _sign(call: Call, agents_time: float) -> SignedRequest:
    if not 1 <= agents_time < _LATEST_TIME:
        raise AgentError("clock_skew", "The agent's clock shows no date that can be signed.")
    return protocol.sign_request(
        call.keys,
        method=call.method,
        authority=call.authority,
        path=call.path,
        now=agents_time,
        query=call.query,
        body=call.body,
        if_match=call.if_match,
        idempotency_key=call.idempotency_key,
    )


def _verify(keys: Keys, request: SignedRequest, received: Received) -> VerifiedResponse:
    try:
        return protocol.verify_response(
            keys,
            request.binding,
            status=received.status,
            headers=received.headers,
            body=received.body,
        )
    except ProtocolError as error:
        raise _disbelief(error, received) from error


def _disbelief(error: ProtocolError, received: Received) -> AgentError:
    if error.reason == "unsigned":
        return _unsigned(received)
    if error.reason == "wrong_key" and _is_signed(received):
        return AgentError("identity_mismatch", SOMEBODY_ELSE)
    code = error.reason if error.reason in ("wrong_key", "clock_skew") else "bad_answer"
    return AgentError(code, str(error))


def _unsigned(received: Received) -> AgentError:
    status = received.status
    if status < 300:
        return AgentError("unsigned", "Unsigned answer: this may not be our agent.")
    redirect = ", a redirect that is not followed" if status < 400 else ""
    sentence = f"Unsigned answer: HTTP {status}{redirect}."
    return AgentError(f"http_{status}", sentence, retry_after=_retry_after(received))


def _retry_after(received: Received) -> int | None:
    """In seconds; of a proxy on the way, and whoever can forge it can also cut the line."""
    told = [value for name, value in received.headers if name.lower() == b"retry-after"]
    return int(told[0]) if told and re.fullmatch(rb"[0-9]{1,6}", told[0]) else None


def _is_signed(received: Received) -> bool:
    return any(name.lower() == b"signature" for name, _ in received.headers)


def _skew_ms(created: int, sent_at: float, received_at: float) -> int:
    """Return the agent's clock minus ours: the middle of what the answer proves, else 0.

    An answer says its time in whole seconds: it was signed somewhere in `created` to `created + 1`
    of the agent's time and between sending and receiving of ours.
    """
    lowest, highest = created - received_at, created + 1 - sent_at
    return 0 if lowest <= 0 <= highest else round((lowest + highest) / 2 * 1000)


def _is_clock_skew(answer: Answer) -> bool:
    return answer.status == 401 and _envelope(answer.body).get("error") == "clock_skew"


def _envelope(body: bytes) -> dict[str, Any]:
    try:
        envelope = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return envelope if isinstance(envelope, dict) else {}


def _refused(answer: Answer) -> AgentError:
    envelope = _envelope(answer.body)
    told = [str(envelope[key])[:120] for key in ("error", "detail") if key in envelope]
    sentence = ": ".join([f"HTTP {answer.status} from the agent", *told])
    seconds = envelope.get("retry_after")
    retry_after = seconds if type(seconds) is int and 0 <= seconds < 10**6 else None
    return AgentError(f"http_{answer.status}", sentence, answer.skew_ms, envelope, retry_after)


def describe_skew(skew_ms: int) -> str:
    return f"Clock skew {skew_ms / 1000:+.0f} s"


def _skew_sentence(skew_ms: int) -> str:
    return f"{describe_skew(skew_ms)}: the agent refuses the time of the signature."
