"""Count again what is kept as a running sum, say what was wrong, and put it right."""

import datetime as dt
import logging
import uuid
from collections.abc import Iterator

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from wgpanel_agent.documents import InvalidDocument, state_hash

from keyring.sealing import SecretLocked
from nodes.models import Interface, Node
from peers import desired
from peers.configuration import delivery
from peers.errors import PeerRefused
from peers.expiring import expire_due
from peers.models import Address, Peer
from peers.pools import addresses, capacity

logger = logging.getLogger(__name__)


def recount() -> list[str]:
    """Return what was wrong, a sentence each; whatever can be put right is."""
    expire_due(timezone.now())
    interfaces = Interface.objects.values_list("pk", flat=True).order_by("pk")
    faults = [fault for pk in interfaces for fault in _recount_interface(pk)]
    nodes = Node.objects.values_list("pk", flat=True).order_by("pk")
    return [*faults, *(fault for pk in nodes for fault in _recount_node(pk))]


def _recount_interface(interface_id: uuid.UUID) -> list[str]:
    with transaction.atomic():
        interface, now = desired.locked_with_node(interface_id), timezone.now()
        return [*_addresses(interface, now), *_state(interface, now), *_told(interface)]


def _state(interface: Interface, now: dt.datetime) -> Iterator[str]:
    """Stamps and hash: the node is told anew where they were wrong."""
    peers = list(interface.peers.existing())
    try:
        wrong = desired.restamp(interface, peers, now)
        wanted = [peer for peer in peers if peer.present]
        parts = [part for _, part in desired.parts(interface, wanted)]
        total = state_hash(interface.part(), parts)
    except (SecretLocked, InvalidDocument, PeerRefused) as error:
        yield f"{interface} cannot be counted: {error}"
        return
    if wrong:
        yield f"{interface}: {wrong} peers were not what their digests said."
    if total != interface.desired_hash:
        desired.renew_hash(interface, total)
        yield f"{interface}: the hash was not that of its peers."


def _addresses(interface: Interface, now: dt.datetime) -> Iterator[str]:
    """Addresses that nobody holds any more, though nobody gave them back, rest now."""
    stray = Q(peer=None) | Q(peer__removed_at__isnull=False)
    rows = Address.objects.held().filter(stray, interface=interface)
    if count := addresses.rest(rows, now):
        yield f"{interface}: {count} addresses were held by nobody."


def _told(interface: Interface) -> Iterator[str]:
    """What files are made of: the host of an agent, where that is the endpoint, may have moved."""
    if interface.client_fingerprint and delivery.interface_changed(interface):
        yield f"{interface}: its clients would be told something else now than was noted."


@transaction.atomic
def _recount_node(node_id: uuid.UUID) -> list[str]:
    node = desired.locked_node(node_id)
    faults = []
    count = Peer.objects.existing().filter(interface__node=node).count()
    if count != node.assigned_peers:
        # the limit is for new peers: nobody is thrown out because it was lowered
        Node.objects.filter(pk=node_id).update(assigned_peers=count)
        faults.append(f"{node}: {node.assigned_peers} places were taken by {count} peers.")
    if capacity.review(node_id) != node.has_free_address:
        faults.append(f"{node}: whether it has a free address was not up to date.")
    return faults


def report() -> list[str]:
    """Recount, and leave what was wrong in the log."""
    faults = recount()
    for fault in faults:
        logger.warning("%s", fault)
    return faults
