"""What must hold of an interface whatever was done to its peers."""

from django.db.models import Q
from django.utils import timezone
from wgpanel_agent.documents import state_hash

from nodes.models import Interface
from peers import desired
from peers.models import Address, Peer


def hash_of_rows(interface: Interface) -> str:
    """The hash of what the rows of an interface say, counted anew."""
    peers = list(Peer.objects.filter(interface=interface).wanted(timezone.now()))
    return state_hash(interface.part(), [part for _, part in desired.parts(interface, peers)])


def assert_state_is_that_of_its_rows(interface: Interface) -> None:
    """Hash, stamps and addresses of the interface agree with its peers."""
    interface.refresh_from_db()
    assert interface.desired_hash == hash_of_rows(interface)
    now = timezone.now()
    for peer in Peer.objects.filter(interface=interface):
        assert peer.present is bool(peer.digest) is peer.is_wanted(now)
        assert peer.generation <= interface.desired_generation
    held = Address.objects.filter(interface=interface).held()
    assert not held.filter(Q(peer=None) | Q(peer__removed_at__isnull=False)).exists()
