"""People who press at the same moment: a link gives what it says, and not once more."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections
from django.test import Client

from peers import changing
from peers.models import Peer, ShareLink
from peers.sharing import links as share_links
from peers.tests.builders import make_key, make_peer

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 3


@pytest.fixture(autouse=True)
def no_broker(monkeypatch):
    monkeypatch.setattr("peers.desired.current_app.send_task", lambda *_, **__: None)


def at_once(*acts):
    """Do each act in a thread of its own; return what each gave."""

    def do(act):
        try:
            return act()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(acts)) as threads:
        return list(threads.map(do, acts))


def press(new, remote="198.51.100.7", **sent):
    """Return an act that presses the button of a link and gives the status of the answer."""
    path = f"/share/{new.link.lookup}/"
    return lambda: (
        Client().post(path, {"secret": new.secret, **sent}, REMOTE_ADDR=remote).status_code
    )


def test_of_twenty_who_press_at_once_one_gets_the_file():
    for _ in range(ROUNDS):
        new = share_links.create(make_peer(private_key=make_key()), None)
        answers = at_once(*[press(new, f"192.0.2.{n}") for n in range(20)])
        assert sorted(answers) == [200] + [404] * 19
        assert ShareLink.objects.get(pk=new.link.pk).uses_left == 0


def test_of_browsers_that_made_a_key_at_once_one_is_the_peer():
    new, keys = share_links.create(make_peer(), None), [make_key() for _ in range(6)]
    presses = [press(new, f"192.0.2.{n}", public_key=key) for n, key in enumerate(keys)]
    answers = at_once(*presses)
    assert sorted(answers) == [200] + [404] * 5
    assert Peer.objects.existing().get().public_key == keys[answers.index(200)]


def test_parallel_guesses_at_a_pin_get_five_tries_in_all():
    new = share_links.create(make_peer(private_key=make_key()), None, pin="4711")
    answers = at_once(*[press(new, f"192.0.2.{n}", pin=f"000{n}") for n in range(10)])
    assert set(answers) <= {403, 404}
    assert ShareLink.objects.get().pin_tries == share_links.MOST_PIN_TRIES
    assert press(new, pin="4711")() == 404


def test_pressing_while_the_peer_is_disabled_ends_without_a_deadlock():
    for _ in range(ROUNDS):
        peer = make_peer(private_key=make_key())
        new = share_links.create(peer, None)
        pressed, _ = at_once(press(new), lambda peer=peer: changing.disable(None, peer))
        assert pressed in {200, 404}
        assert ShareLink.objects.get(pk=new.link.pk).uses_left == 0
        assert Peer.objects.get(pk=peer.pk).enabled is False
