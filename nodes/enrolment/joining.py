"""A node joins: the token is proven, spent once, and a row and a secret come of it.

One request does it. The answer holds nothing secret and is kept, so that a node that was killed
before it had read the answer asks again with the same bytes and gets the same answer.
"""

import hashlib
import ipaddress
import json
import logging
from dataclasses import dataclass, field
from typing import cast

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables
from wgpanel_agent import proof

from accounts.actor import Actor
from keyring.fields import Secret
from keyring.sealing import SecretLocked
from nodes.enrolment import rows
from nodes.enrolment.errors import JoinRefused, KeyLocked, TokenUsed, Unauthorized
from nodes.enrolment.hello import Hello
from nodes.enrolment.join_token import MOST_WRONG_PROOFS, JoinToken, Step
from nodes.enrolment.making import panel_pin
from nodes.models import Node

FIRST_SEQ = 1  # as `Node.take_secret` counts
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ask:
    """What a node sent, and from where.

    `shown_pin` is of the certificate that it showed where the panel called it.
    """

    token: str
    hello: str
    proof: str = field(repr=False)
    address: str
    shown_pin: str = ""

    @property
    def digest(self) -> str:
        return hashlib.sha256(f"{self.token}\n{self.proof}\n{self.hello}".encode()).hexdigest()


Offer = dict[str, str]


def join(ask: Ask) -> Offer | None:
    """Return what the node is told, or None while an operator has to let it in.

    Raises JoinRefused.
    """
    row = JoinToken.objects.filter(lookup=ask.token).first()
    if row is None:
        raise _unauthorized(ask, "nobody knows this token")
    if row.came_at is None:
        _first_time(row, ask)
        row.refresh_from_db()
    return _told(row, ask)


def approve(row: JoinToken, by: Actor) -> Node:
    """Let the node in that waits. Raises JoinRefused."""
    with transaction.atomic():
        waiting = JoinToken.objects.select_for_update().get(pk=row.pk)
        if waiting.step != Step.WAITING:
            raise JoinRefused(f"This token is not waiting for approval: {waiting.step.label}.")
        try:
            return _admit(waiting, by)
        except SecretLocked as error:
            raise KeyLocked(f"The token's key does not open: {error}.") from error


def _first_time(row: JoinToken, ask: Ask) -> None:
    """Check the token and its proof, and spend it; somebody else may do so meanwhile."""
    _check_token(row, ask)
    _check_proof(row, ask)
    hello = Hello.parse(ask.hello)
    _check_hello(row, hello, ask)
    with transaction.atomic():
        if _claim(row, ask) and not row.wants_approval:
            row.refresh_from_db()
            _admit(row, row.created_by)


def _told(row: JoinToken, ask: Ask) -> Offer | None:
    if row.hello_digest != ask.digest:
        raise _used(row, ask)
    if row.offer:
        return row.offer
    if row.step != Step.WAITING:
        raise _unauthorized(ask, f"the node waited, but the token is {row.step}")
    return None


def _check_token(row: JoinToken, ask: Ask) -> None:
    if row.step != Step.OPEN:
        raise _unauthorized(ask, f"the token is {row.step}")
    if bool(row.dial_url) != bool(ask.shown_pin):
        raise _unauthorized(ask, "the panel calls this node, or the node has to come")
    if row.source and not _is_within(ask.address, row.source):
        raise _unauthorized(ask, f"the node must come from {row.source}")


def _is_within(address: str, source: str) -> bool:
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(source)
    except ValueError:  # the address is not known
        return False


def _check_proof(row: JoinToken, ask: Ask) -> None:
    """Count a wrong proof; the fifth burns the token."""
    try:
        proof.check_hello(_key(row), ask.hello, ask.proof)
        _check_channel(ask)
    except SecretLocked as error:
        raise _unauthorized(ask, "the token's key is locked") from error
    except proof.ProofError as error:
        JoinToken.objects.filter(pk=row.pk).update(wrong_proofs=F("wrong_proofs") + 1)
        raise _unauthorized(ask, "the proof is wrong") from error


def _check_channel(ask: Ask) -> None:
    """What is proven names the certificate that was shown, or somebody is in between."""
    if ask.shown_pin and Hello.parse(ask.hello).tls_pin != ask.shown_pin:
        raise proof.ProofError("the certificate is not the one that the node has proven")


def _check_hello(row: JoinToken, hello: Hello, ask: Ask) -> None:
    if hello.token != row.lookup:
        raise _unauthorized(ask, "the hello is for another token")
    if row.node_id and hello.node_id and hello.node_id != str(row.node_id):
        raise _unauthorized(ask, "the token is for another node")
    known = panel_pin()
    if known and hello.panel_pin and hello.panel_pin != known:
        raise _unauthorized(ask, "the node saw another certificate than the panel's")


def _claim(row: JoinToken, ask: Ask) -> bool:
    """Of all who come at once, with whatever they say, one is first."""
    now = timezone.now()
    unspent = JoinToken.objects.filter(
        pk=row.pk, came_at=None, revoked_at=None, expires_at__gt=now,
        wrong_proofs__lt=MOST_WRONG_PROOFS,
    )  # fmt: skip
    claimed = unspent.update(
        came_at=now, came_from=ask.address, hello=ask.hello, hello_digest=ask.digest
    )
    return bool(claimed)


@sensitive_variables()
def _admit(row: JoinToken, by: Actor) -> Node:
    """Save the node with the secret that both sides come to, and what it is told."""
    hello, share = Hello.parse(row.hello), proof.Share.new()
    node = rows.node_for(row, hello)
    offer = json.dumps({
        "protocol": proof.PROTOCOL, "share": share.public, "node_id": str(node.pk),
        "secret_seq": FIRST_SEQ, "name": node.name, "agent_url": node.agent_url,
    })  # fmt: skip
    agreed = _agreement(row, share, hello, offer)
    rows.save(node, by, node.take_secret(agreed.secret))
    row.offer = {"offer": offer, "proof": agreed.prove_offer()}
    row.key, row.node, row.used_at = None, node, timezone.now()
    row.save(update_fields=["offer", "key", "node", "used_at"])
    logger.info("join token %s: %s joined from %s", row.lookup[:6], node, row.came_from)
    return node


def _agreement(row: JoinToken, share: proof.Share, hello: Hello, offer: str) -> proof.Agreement:
    try:
        return proof.Agreement.reach(_key(row), share, hello.share, hello=row.hello, offer=offer)
    except proof.ProofError as error:
        raise JoinRefused(f"The node's share cannot be used: {error}.") from error


def _key(row: JoinToken) -> bytes:
    """Raises SecretLocked."""
    return bytes.fromhex(cast(Secret, row.key).reveal())


def _used(row: JoinToken, ask: Ask) -> TokenUsed:
    """Whoever comes second knows the token: the operator must hear of it."""
    JoinToken.objects.filter(pk=row.pk).update(
        reused_at=timezone.now(), reused_from=ask.address, alarm_seen_at=None
    )
    logger.warning("join token %s was used again, from %s", row.lookup[:6], ask.address)
    return TokenUsed("This token was used before. The operator of the panel has been alarmed.")


def _unauthorized(ask: Ask, reason: str) -> Unauthorized:
    logger.warning("join token %.6s refused for %s: %s", ask.token, ask.address, reason)
    return Unauthorized(reason)
