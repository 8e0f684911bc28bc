"""Forgetting a node: said what goes with it, refused while the node answers, remembered."""

import datetime as dt

import pytest

from accounts.tests.builders import make_admin
from nodes.models import Node, Status
from nodes.removal import NodeHasPeers, NodeStillAnswers, forget, what_goes_with
from nodes.tests.builders import make_node, make_online_node
from peers.tests.builders import make_interface as make_panel_interface
from peers.tests.builders import make_peer

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "status",
    [Status.UNKNOWN, Status.STALE, Status.OFFLINE, Status.IDENTITY_MISMATCH],
)
def test_a_node_that_does_not_answer_is_forgotten(status):
    node, other = make_node(status=status), make_node()
    forget(node, None)
    assert list(Node.objects.all()) == [other]


@pytest.mark.parametrize("status", [Status.ONLINE, Status.DEGRADED])
def test_a_node_that_answers_must_be_disabled_first(status):
    node = make_online_node(name="fra1", status=status)
    with pytest.raises(NodeStillAnswers, match=f"fra1 is {status}"):
        forget(node, None)
    Node.objects.update(enabled=False)
    forget(node, None)
    assert not Node.objects.exists()


def test_what_counts_is_the_row_as_it_is_now():
    node = make_node(status=Status.OFFLINE)
    Node.objects.update(status=Status.ONLINE)
    with pytest.raises(NodeStillAnswers):
        forget(node, None)


def test_the_history_says_who_forgot_the_node():
    node, user = make_node(name="fra1"), make_admin()
    pk = node.pk
    forget(node, user)
    latest = Node.history.filter(id=pk).first()
    assert (latest.history_type, latest.history_user, latest.name) == ("-", user, "fra1")


def test_a_node_that_is_gone_already_is_said_so():
    node = make_node()
    Node.objects.all().delete()
    with pytest.raises(Node.DoesNotExist):
        forget(node, None)


def test_the_last_report_is_named_by_its_time():
    at = dt.datetime(2026, 3, 1, 12, 30, tzinfo=dt.UTC)
    told = " ".join(what_goes_with(make_node(reported_at=at)))
    assert "2026-03-01 12:30 UTC" in told
    assert "secret" in told


def test_a_node_that_never_reported_loses_no_report():
    assert any("never" in sentence for sentence in what_goes_with(make_node()))


def test_a_node_with_peers_must_lose_them_first():
    node = make_node(name="fra1")
    peer = make_peer(interface=make_panel_interface(node=node, name="wg0"))
    with pytest.raises(NodeHasPeers, match=r"fra1 has peers \(1\). Remove them first."):
        forget(node, None)
    peer.removed_at = node.created_at
    peer.save()
    assert "What the panel wants its interfaces to be: wg0." in what_goes_with(node)
    forget(node, None)
    assert not Node.objects.exists()
