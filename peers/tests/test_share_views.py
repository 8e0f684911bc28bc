"""The page of a link: opening it gives nothing away and costs nothing, its button does."""

import logging

import pytest
from django.urls import reverse

from peers.configuration.client_conf import PLACEHOLDER
from peers.models import Interface, Peer, ShareLink
from peers.sharing import limits as share_limits
from peers.sharing import links as share_links
from peers.tests.builders import make_interface, make_key, make_peer
from wgpanel.content_policy import HEADER

pytestmark = pytest.mark.django_db


def make_link(peer=None, **fields):
    """Make a link; its peer is one whose private key the panel holds."""
    return share_links.create(peer or make_peer(private_key=make_key()), None, **fields)


def address(new):
    return reverse("share", args=[new.link.lookup])


def press(client, new, **sent):
    """Send what the page sends when its button is pressed."""
    sender = {"REMOTE_ADDR": sent.pop("remote", "198.51.100.7")}
    return client.post(address(new), {"secret": new.secret, **sent}, **sender)


def uses_left():
    return ShareLink.objects.get().uses_left


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("head", {}),
        ("options", {}),
        ("get", {}),
        ("get", {"range": "bytes=0-99"}),
        ("get", {"purpose": "prefetch"}),
        ("get", {"user-agent": "TelegramBot (like TwitterBot)"}),
        ("get", {"user-agent": "WhatsApp/2"}),
        ("get", {"user-agent": "Slackbot-LinkExpanding 1.0"}),
    ],
)
def test_what_opens_the_page_by_itself_spends_nothing_and_sees_no_key(client, method, headers):
    new = make_link()
    answer = getattr(client, method)(address(new), headers=headers)
    assert answer.status_code == 200
    shown = answer.content.decode()
    assert "PrivateKey" not in shown
    assert new.link.peer.private_key.reveal() not in shown
    assert uses_left() == 1
    assert "PrivateKey" in press(client, new).content.decode()


@pytest.mark.parametrize("method", ["put", "patch", "delete", "trace"])
def test_other_methods_are_not_answered(client, method):
    assert getattr(client, method)("/share/abc/").status_code == 405


def test_the_page_is_the_same_whether_there_is_such_a_link_or_not(client):
    there = client.get(address(make_link())).content
    assert client.get("/share/0000000000000000/").content == there


def test_the_page_asks_the_database_nothing(client, django_assert_num_queries):
    with django_assert_num_queries(0):
        client.get("/share/0000000000000000/")


def test_the_button_gives_the_file_its_code_and_how_to_connect(client):
    new = make_link(make_peer(name="Zoë", private_key=make_key()))
    shown = press(client, new)
    assert shown.status_code == 200
    text = shown.content.decode()
    assert f"PrivateKey = {new.link.peer.private_key.reveal()}" in text
    assert 'download="Zoe.conf"' in text
    assert "<svg" in text
    assert "sudo wg-quick up Zoe" in text
    assert press(client, new).status_code == 404


@pytest.mark.parametrize("act", ["open", "take", "miss"])
def test_no_answer_is_kept_indexed_or_told_to_others(client, act):
    new = make_link()
    answer = {
        "open": lambda: client.get(address(new)),
        "take": lambda: press(client, new),
        "miss": lambda: press(client, new, secret="wrong"),
    }[act]()
    assert answer["Cache-Control"] == "no-store"
    assert answer["Referrer-Policy"] == "no-referrer"
    assert answer["X-Robots-Tag"] == "noindex, nofollow"
    assert "'unsafe" not in answer[HEADER]
    assert "script-src 'self';" in answer[HEADER]
    assert not answer.cookies


def test_the_page_needs_no_cookie_and_no_session(client):
    client.handler.enforce_csrf_checks = True
    assert press(client, make_link()).status_code == 200


def test_wrong_used_expired_and_revoked_links_get_the_same_page(client):
    used, expired, revoked = make_link(), make_link(), make_link()
    press(client, used)
    ShareLink.objects.filter(pk=expired.link.pk).update(expires_at=expired.link.created_at)
    ShareLink.objects.filter(pk=revoked.link.pk).revoke()
    answers = [press(client, new) for new in (used, expired, revoked)]
    answers.append(press(client, make_link(), secret="wrong"))
    answers.append(client.post("/share/0000000000000000/"))
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1


def test_after_thirty_misses_a_network_is_stopped_and_others_are_not(client):
    new = make_link()
    for _ in range(share_limits.MOST_MISSES):
        assert press(client, new, secret="wrong").status_code == 404
    stopped = press(client, new)
    assert stopped.status_code == 429
    assert stopped["Retry-After"] == "600"
    assert press(client, new, remote="198.51.100.8").status_code == 200


def test_a_hundred_misses_from_a_hundred_networks_stop_nobody(client):
    new = make_link()
    for number in range(100):
        press(client, new, secret="wrong", remote=f"192.0.2.{number}")
    assert press(client, new).status_code == 200


def test_a_pin_is_asked_for_judged_and_then_the_file_is_given(client):
    new = make_link(pin="4711")
    asked = press(client, new)
    assert asked.status_code == 403
    assert 'name="pin"' in asked.content.decode()
    wrong = press(client, new, pin="0000")
    assert "4 tries are left" in wrong.content.decode()
    assert press(client, new, pin=" 4711 ").status_code == 200


def test_a_browser_that_sends_no_key_is_told_so_and_the_link_stays(client):
    answer = press(client, make_link(make_peer()))
    assert answer.status_code == 409
    assert "has to make its own key" in answer.content.decode()
    assert uses_left() == 1


def test_with_a_key_from_the_browser_the_page_leaves_its_place_open_and_shows_no_code(client):
    key = make_key()
    answer = press(client, make_link(make_peer()), public_key=key)
    text = answer.content.decode()
    assert f"PrivateKey = {PLACEHOLDER}" in text
    assert "data-needs-key" in text
    assert "<svg" not in text
    assert Peer.objects.existing().get().public_key == key


def test_where_there_is_no_file_now_the_link_stays(client):
    new = make_link(make_peer(private_key=make_key(), interface=make_interface(public_key="")))
    answer = press(client, new)
    assert answer.status_code == 409
    assert "still good" in answer.content.decode()
    Interface.objects.update(public_key=make_key())
    assert press(client, new).status_code == 200


def test_a_file_too_long_for_a_code_is_given_with_a_word_about_that(client):
    routes = ", ".join(f"198.51.{n // 16}.{n % 16 * 16}/28" for n in range(170))
    interface = make_interface(client_allowed_ips=routes)
    new = make_link(make_peer(private_key=make_key(), interface=interface))
    text = press(client, new).content.decode()
    assert "Too long for a QR code" in text
    assert "PrivateKey = " in text
    assert 'href="data:application/octet-stream;base64,' in text


def test_without_script_the_secret_may_be_typed(client):
    new = make_link()
    sent = {"secret": ["", f" #{new.secret} "]}
    assert client.post(address(new), sent).status_code == 200


def test_the_log_has_the_link_and_who_asked_and_neither_secret_nor_key(client, caplog):
    caplog.set_level(logging.INFO)
    new = make_link(pin="471147")
    client.get(address(new))
    press(client, new, pin="471147")
    assert f"share link {new.link.lookup}: page opened from 127.0.0.1" in caplog.text
    assert f"share link {new.link.lookup}: taken from 198.51.100.7" in caplog.text
    kept = (new.secret, "471147", new.link.peer.private_key.reveal())
    assert [secret for secret in kept if secret in caplog.text] == []
