"""A link gives the file of one peer to whoever has it, as often as it says, and to nobody else."""

import datetime as dt
import re

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from peers import changing, removing
from peers.configuration.client_conf import PLACEHOLDER, NoClientConf
from peers.errors import PeerRefused
from peers.models import Interface, Peer, ShareLink
from peers.sharing import links as share_links
from peers.sharing.links import Ask, KeyNeeded, LinkGone, LinkRefused, PinNeeded
from peers.tests.builders import make_interface, make_key, make_peer

pytestmark = pytest.mark.django_db


def make_link(peer=None, **fields):
    """Make a link; its peer is one whose private key the panel holds."""
    return share_links.create(peer or make_peer(private_key=make_key()), None, **fields)


def take(new, **fields):
    ask = {"lookup": new.link.lookup, "secret": new.secret, **fields}
    return share_links.take(Ask(**ask))


def uses_left(new):
    return ShareLink.objects.get(pk=new.link.pk).uses_left


def test_the_file_is_given_once_and_noted_as_delivered():
    new = make_link()
    file = take(new)
    assert file.conf.is_complete
    peer = Peer.objects.get()
    assert peer.delivered_at is not None
    assert ShareLink.objects.get().used_at is not None
    with pytest.raises(LinkGone):
        take(new)


def test_a_link_may_have_several_uses():
    new = make_link(uses=2)
    assert take(new) == take(new)
    with pytest.raises(LinkGone):
        take(new)


def test_a_secret_has_256_bits_and_is_never_stored():
    peer = make_peer()
    made = [share_links.create(peer, None) for _ in range(50)]
    assert len({new.secret for new in made}) == 50
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", new.secret) for new in made)
    stored = str(list(ShareLink.objects.values()))
    assert not any(new.secret in stored for new in made)
    assert all(new.secret not in repr(new) for new in made)


def test_the_secret_stands_behind_the_number_sign_which_no_server_sees():
    new = make_link()
    assert new.path == f"/share/{new.link.lookup}/#{new.secret}"


def test_a_link_lives_a_day_unless_it_is_said_and_remembers_who_made_it():
    user = User.objects.create_user("operator")
    link = share_links.create(make_peer(), user).link
    day = dt.timedelta(hours=24)
    assert timezone.now() + day - link.expires_at < dt.timedelta(minutes=1)
    assert link.created_by == user
    assert link.uses_left == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"hours": 0}, {"hours": 169}, {"uses": 0}, {"uses": 21},
        {"pin": "123"}, {"pin": "1" * 13}, {"pin": "12a4"}, {"pin": "١٢٣٤"}, {"pin": "1234\n"},
    ],
)  # fmt: skip
def test_a_link_outside_the_limits_is_refused_and_the_field_named(fields):
    with pytest.raises(LinkRefused) as refused:
        make_link(**fields)
    assert refused.value.field == next(iter(fields))
    assert not ShareLink.objects.exists()


@pytest.mark.parametrize("off", [{"enabled": False}, {"expires_at": timezone.now()}])
def test_a_peer_that_is_off_gets_no_link(off):
    with pytest.raises(LinkRefused, match="The peer is"):
        make_link(make_peer(**off))


@pytest.mark.parametrize(
    "wrong",
    [{"lookup": "0" * 16}, {"secret": ""}, {"secret": "x" * 43}, {"secret": "é" * 10_000}],
)
def test_a_wrong_link_is_gone(wrong):
    new = make_link()
    with pytest.raises(LinkGone):
        take(new, **wrong)
    assert uses_left(new) == 1


def test_the_secret_of_another_link_opens_nothing():
    new, other = make_link(), make_link()
    with pytest.raises(LinkGone):
        take(new, secret=other.secret)


def test_a_second_after_its_end_a_link_is_gone():
    new = make_link(hours=1)
    ShareLink.objects.update(expires_at=timezone.now() - dt.timedelta(seconds=1))
    with pytest.raises(LinkGone):
        take(new)


# --- the peer changes ------------------------------------------------------------------------


def test_disabling_a_peer_ends_its_links_for_good():
    new = make_link()
    changing.disable(None, new.link.peer)
    with pytest.raises(LinkGone):
        take(new)
    changing.enable(None, Peer.objects.get())
    with pytest.raises(LinkGone):
        take(new)


def test_removing_a_peer_ends_its_links():
    new = make_link()
    removing.remove(None, new.link.peer)
    assert uses_left(new) == 0


def test_a_peer_whose_time_is_over_gives_no_file():
    new = make_link()
    Peer.objects.update(expires_at=timezone.now())
    with pytest.raises(LinkGone):
        take(new)


def test_links_of_other_peers_stay():
    new, other = make_link(), make_link()
    changing.disable(None, new.link.peer)
    assert take(other).conf.is_complete


# --- the PIN ---------------------------------------------------------------------------------


def test_a_pin_is_asked_for_and_asking_costs_no_try():
    new = make_link(pin="4711")
    with pytest.raises(PinNeeded) as asked:
        take(new)
    assert asked.value.tries_left is None
    assert ShareLink.objects.get().pin_tries == 0
    assert take(new, pin="4711").conf.is_complete


def test_after_five_wrong_pins_the_right_one_comes_too_late():
    new = make_link(pin="4711")
    left = []
    for _ in range(4):
        with pytest.raises(PinNeeded) as wrong:
            take(new, pin="0000")
        left.append(wrong.value.tries_left)
    assert left == [4, 3, 2, 1]
    for pin in ("0000", "4711"):
        with pytest.raises(LinkGone):
            take(new, pin=pin)


def test_the_pin_of_one_link_is_not_that_of_another_with_the_same_digits():
    hashes = {make_link(pin="4711").link.pin_hash for _ in range(2)}
    assert len(hashes) == 2
    assert "4711" not in str(hashes)


# --- the key ---------------------------------------------------------------------------------


def test_without_a_private_key_the_browser_makes_one_and_sends_the_public_half():
    peer, key = make_peer(), make_key()
    file = take(make_link(peer), public_key=key)
    assert PLACEHOLDER in file.text
    changed = Peer.objects.existing().get(pk=peer.pk)
    assert changed.public_key == key
    assert changed not in Peer.objects.outdated()


def test_without_a_key_from_the_browser_the_link_is_not_spent():
    new = make_link(make_peer())
    with pytest.raises(KeyNeeded):
        take(new)
    assert uses_left(new) == 1


def test_a_device_may_keep_its_key():
    peer = make_peer()
    file = take(make_link(peer), public_key=make_key(), keeps_key=True)
    assert PLACEHOLDER in file.text
    assert Peer.objects.get(pk=peer.pk).public_key == peer.public_key


def test_a_key_that_the_panel_holds_is_not_replaced():
    new = make_link()
    assert take(new, public_key=make_key()).conf.private_key == new.link.peer.private_key.reveal()
    assert Peer.objects.get().public_key == new.link.peer.public_key


@pytest.mark.parametrize("key", ["x", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "é\n"])
def test_a_bad_key_is_refused_and_the_link_not_spent(key):
    new = make_link(make_peer())
    with pytest.raises(PeerRefused):
        take(new, public_key=key)
    assert uses_left(new) == 1


def test_where_there_is_no_file_the_link_is_not_spent():
    new = make_link(make_peer(private_key=make_key(), interface=make_interface(public_key="")))
    with pytest.raises(NoClientConf):
        take(new)
    assert uses_left(new) == 1
    Interface.objects.update(public_key=make_key())
    assert take(new).conf.is_complete
