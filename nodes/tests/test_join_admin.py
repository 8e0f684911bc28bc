"""“Add node”: an operator gets a line to paste, once, and sees the node come."""

import datetime as dt

import pytest
from django.urls import reverse
from django.utils import timezone
from wgpanel_agent.proof import Token

from accounts.tests.builders import make_staff
from nodes.enrolment.join_token import JoinToken, Step
from nodes.enrolment.wheel import agent_wheel
from nodes.models import Node, Status
from nodes.tests.builders import make_group, make_node
from nodes.tests.joining import Joiner, make_token

pytestmark = pytest.mark.django_db
ADD = reverse("admin:nodes_jointoken_add")
HOSTILE = "<script>alert(1)</script>"


def url(name, row):
    return reverse(f"admin:nodes_jointoken_{name}", args=[row.pk])


def shown(client, address, status=200):
    answer = client.get(address)
    assert answer.status_code == status
    return answer.content.decode()


def filled(**fields):
    return {"weight": "1", "max_peers": "250", "minutes": "15", **fields}


def token_of(page):
    return page.split("--token ", 1)[1].split()[0].split("<")[0]


def test_the_form_gives_a_line_for_a_bare_server_and_one_for_an_installed_agent(admin_client):
    group = make_group()
    answer = admin_client.post(ADD, filled(name="fra1", group=group.pk))
    page = answer.content.decode()
    token = token_of(page)
    assert f"wgpanel-agent enrol http://testserver --token {token}" in page
    assert (
        f"curl -fsSL http://testserver/install.sh | sh -s -- http://testserver --token {token}"
        in page
    )
    assert "no-store" in answer["Cache-Control"]
    assert Joiner(token).ask().status_code == 200
    assert (Node.objects.get().name, Node.objects.get().group) == ("fra1", group)


def test_for_a_node_that_is_called_the_line_waits_and_names_the_port(admin_client):
    page = admin_client.post(ADD, filled(dial_url="https://127.0.0.1:9443")).content.decode()
    token = token_of(page)
    flags = f"--wait 15 --listen 0.0.0.0:9443 --token {token}"
    assert f"wgpanel-agent enrol {flags}" in page
    assert f"sh install.sh {flags}" in page
    assert f"/agent/{agent_wheel().name}" in page
    assert Token.parse(token).lookup == JoinToken.objects.get().lookup


@pytest.mark.parametrize(
    "fields",
    [
        {"dial_url": "http://127.0.0.1:8080"}, {"dial_url": "https://169.254.169.254"},
        {"dial_url": "127.0.0.1"}, {"dial_url": "https://127.0.0.1:1", "source": "10.0.0.0/8"},
    ],
)  # fmt: skip
def test_where_no_node_can_be_called_is_refused(admin_client, fields):
    assert admin_client.post(ADD, filled(**fields)).status_code == 200
    assert not JoinToken.objects.exists()


def test_a_node_is_called_by_a_click_and_the_page_says_what_the_panel_met(admin_client):
    row, _ = make_token(dial_url="https://127.0.0.1:1")
    assert "Call it now" in shown(admin_client, url("live", row))
    answer = admin_client.post(url("call", row), follow=True)
    assert answer.content.decode().count("nothing listens at 127.0.0.1:1") == 2
    assert "nothing listens" in shown(admin_client, url("live", row))


def test_a_node_that_comes_by_itself_is_not_called(admin_client):
    row, _ = make_token()
    assert "Call it now" not in shown(admin_client, url("live", row))
    assert "Nothing waits" in admin_client.post(url("call", row), follow=True).content.decode()


def test_the_form_leads_to_the_one_for_a_secret_by_hand(admin_client):
    assert f'href="{reverse("admin:nodes_node_add")}"' in shown(admin_client, ADD)


def test_the_button_of_the_form_says_what_comes_next(admin_client):
    page = shown(admin_client, ADD)
    assert "Make the line" in page
    assert "Save" not in page


def test_the_line_is_shown_once(admin_client):
    token = token_of(admin_client.post(ADD, filled()).content.decode())
    row = JoinToken.objects.get()
    for address in (
        url("change", row),
        url("live", row),
        reverse("admin:nodes_jointoken_changelist"),
    ):
        assert token.partition(".")[2] not in shown(admin_client, address)


def test_a_name_that_is_taken_and_a_source_that_is_none_are_refused(admin_client):
    make_node(name="fra1")
    for fields in ({"name": "fra1"}, {"source": "10.0.0.1/8"}, {"minutes": "0"}, {"weight": "x"}):
        assert admin_client.post(ADD, filled(**fields)).status_code == 200
    assert not JoinToken.objects.exists()


def test_the_page_shows_each_step_until_the_node_is_online(admin_client):
    row, token = make_token()
    assert shown(admin_client, url("live", row)).count("check_circle") == 1
    Joiner(token).ask()
    assert shown(admin_client, url("live", row)).count("check_circle") == 3
    now = timezone.now()
    Node.objects.update(
        status=Status.ONLINE, status_reason="", reported_at=now, last_attempt_at=now
    )
    page = shown(admin_client, url("live", row), status=286)
    assert page.count("check_circle") == 5
    assert "hx-get" not in page


@pytest.mark.parametrize(
    ("fields", "step"),
    [
        ({"expires_at": timezone.now() - dt.timedelta(seconds=1)}, Step.EXPIRED),
        ({"wrong_proofs": 5}, Step.BURNT),
        ({"revoked_at": timezone.now()}, Step.REVOKED),
    ],
    ids=["expired", "burnt", "revoked"],
)
def test_a_token_that_ended_says_so_and_the_page_asks_no_more(admin_client, fields, step):
    row, _ = make_token()
    JoinToken.objects.filter(pk=row.pk).update(**fields)
    assert step.label in shown(admin_client, url("live", row), status=286)


def test_a_second_use_is_shown_until_somebody_has_looked(admin_client):
    row, token = make_token()
    Joiner(token).ask()
    Joiner(token, address="192.0.2.9").ask()
    assert "192.0.2.9" in shown(admin_client, url("change", row))
    admin_client.post(url("seen", row))
    assert "192.0.2.9" not in shown(admin_client, url("change", row))


def test_a_token_is_revoked_by_a_click(admin_client):
    row, token = make_token()
    admin_client.post(url("revoke", row))
    assert Joiner(token).ask().status_code == 401


def test_a_node_that_waits_is_let_in_by_a_click(admin_client):
    row, token = make_token(wants_approval=True)
    joiner = Joiner(token)
    joiner.ask()
    assert "Let it in" in shown(admin_client, url("change", row))
    admin_client.post(url("approve", row))
    assert joiner.ask().status_code == 200


def test_interfaces_that_were_there_are_shown_and_hostile_names_are_harmless(admin_client):
    row, token = make_token()
    told = {"name": "<b>wg", "public_key": "k" * 43 + "=", "listen_port": 51820, "peers": 3}
    Joiner(token, {"interfaces": [told], "host": HOSTILE}).ask()
    page = shown(admin_client, url("change", row))
    assert "Already on the node" in page
    assert HOSTILE not in page
    assert "<b>wg" not in page


def test_a_rebuilt_server_joins_again_as_the_node_that_it_was(admin_client):
    node = make_node(name="fra1")
    page = admin_client.post(reverse("admin:nodes_node_reenrol", args=[node.pk])).content.decode()
    assert "--again" in page
    assert Joiner(token_of(page)).ask().status_code == 200
    assert Node.objects.get().secret.reveal() != node.secret.reveal()


def test_a_node_that_was_called_and_now_is_elsewhere_says_why_it_cannot_join_again(admin_client):
    node = make_node(agent_url="http://127.0.0.1:8080")
    make_token(node=node, dial_url="https://127.0.0.1:8080")
    JoinToken.objects.update(used_at=timezone.now())
    page = admin_client.post(
        reverse("admin:nodes_node_reenrol", args=[node.pk]), follow=True
    ).content.decode()
    assert "cannot join again: A node is called by https:// to join." in page
    assert JoinToken.objects.count() == 1


def test_who_may_not_add_nodes_gets_no_line(client):
    client.force_login(make_staff("nodes.view_node", "nodes.change_node", "nodes.view_jointoken"))
    row, _ = make_token()
    node = make_node()
    assert client.get(ADD).status_code == 403
    assert client.post(ADD, filled()).status_code == 403
    assert client.post(reverse("admin:nodes_node_reenrol", args=[node.pk])).status_code == 403
    for act in ("revoke", "approve", "seen", "call"):
        assert client.post(url(act, row)).status_code == 403
        assert client.get(url(act, row)).status_code == 405
