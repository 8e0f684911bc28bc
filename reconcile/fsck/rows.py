"""What the panel's own rows must be: hashes, addresses, counts. No node is asked."""

import datetime as dt
from collections import Counter
from collections.abc import Iterator

from django.db.models import Count, F, Q
from wgpanel_agent.documents import InvalidDocument, hash_sum, refuse_double_claims

from nodes.interfaces import Interface
from nodes.models import Node
from peers.models import Address, IdempotencyKey, Peer, ShareLink
from reconcile import documents
from reconcile.documents import NotRendered
from reconcile.fsck.invariants import Violation

# The panel takes expired peers out of what is desired a little later; nodes do so by themselves.
EXPIRY_GRACE = dt.timedelta(minutes=5)


def check(now: dt.datetime) -> Iterator[Violation]:
    """Everything that the database alone can tell."""
    for interface in Interface.objects.present().select_related("node"):
        yield from _interface(interface)
    yield from _absent(now)
    yield from _addresses()
    yield from _counts()
    yield from _single_effects()


def _interface(interface: Interface) -> Iterator[Violation]:
    name = _name(interface)
    digests = interface.peers.in_document().values_list("digest", flat=True)
    total = hash_sum("0", [interface.part().digest(), *(int(it, 16) for it in digests)])
    if total != interface.desired_hash:
        yield Violation("I1", name, "its hash is not the sum of its peers.")
    try:
        refuse_double_claims(documents.whole(interface.pk).peers)
    except NotRendered as error:
        yield Violation("I1", name, f"its document cannot be rendered: {error}")
    except InvalidDocument as error:
        yield Violation("I2", name, f"its document claims something twice: {error}.")
    yield from _generations(interface, name)


def _generations(interface: Interface, name: str) -> Iterator[Violation]:
    observed, desired = interface.observed_generation, interface.desired_generation
    if observed > desired:
        yield Violation("I5", name, f"observed generation {observed} is above {desired}.")
    if observed == desired and interface.observed_hash != interface.desired_hash:
        yield Violation("I5", name, f"generation {desired} was observed with another hash.")
    if interface.peers.filter(generation__gt=desired).exists():
        yield Violation("I5", name, f"a peer is of a later generation than {desired}.")
    buried = interface.peers.removed().filter(generation__lte=observed).count()
    if buried:
        yield Violation("I4", name, f"{buried} removals are confirmed and their rows still there.")


def _absent(now: dt.datetime) -> Iterator[Violation]:
    """Each peer that may connect is in a document, and no other is."""
    wanted = Peer.objects.wanted(now).filter(present=False)
    for peer in wanted.select_related("interface__node"):
        yield Violation("I1", _name(peer.interface), f"peer {peer.pk} is in no document.")
    off = Q(enabled=False) | Q(removed_at__isnull=False) | Q(expires_at__lt=now - EXPIRY_GRACE)
    for peer in Peer.objects.in_document().filter(off).select_related("interface__node"):
        yield Violation("I4", _name(peer.interface), f"peer {peer.pk} is off and in the document.")


def _addresses() -> Iterator[Violation]:
    """One address of each pool for each peer; no address on two interfaces."""
    rows = Peer.objects.existing().select_related("interface__node")
    held = Count("addresses", filter=Q(addresses__released_at=None))
    pools = {interface.pk: len(interface.pools) for interface in Interface.objects.all()}
    for peer in rows.annotate(held=held):
        if peer.held != pools[peer.interface_id]:
            sentence = f"peer {peer.pk} has {peer.held} addresses."
            yield Violation("I2", _name(peer.interface), sentence)
    taken = Counter(
        str(row.ip) for row in Address.objects.held().select_related("interface").iterator(2000)
    )
    for address, count in taken.items():
        if count > 1:
            yield Violation("I2", address, f"it is given to {count} peers.")


def _counts() -> Iterator[Violation]:
    """That no more places are taken than there are is a constraint of the table."""
    living = Count("interfaces__peers", filter=Q(interfaces__peers__removed_at=None))
    nodes = Node.objects.annotate(living=living).only("name", "assigned_peers")
    for node in nodes.exclude(living=F("assigned_peers")):
        sentence = f"{node.assigned_peers} places are taken, {node.living} peers are there."
        yield Violation("I3", node.name, sentence)


def _single_effects() -> Iterator[Violation]:
    twice = IdempotencyKey.objects.values("peer_id").annotate(keys=Count("pk")).filter(keys__gt=1)
    for row in twice:
        yield Violation("I11", f"peer {row['peer_id']}", f"{row['keys']} requests made it.")
    spent = ShareLink.objects.filter(uses_left=0, used_at=None)
    for link in spent:
        yield Violation("I11", f"share link {link.lookup}", "it is spent and was never used.")


def _name(interface: Interface) -> str:
    return f"{interface.node.name}/{interface.name}"
