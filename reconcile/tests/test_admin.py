"""Drift as an operator sees it, and decides about it, in the admin."""

import re

import pytest
from django.urls import reverse
from django.utils.html import escape

from accounts.tests.builders import make_staff
from groups.models import NodeGroup
from nodes.interfaces import Condition, Interface
from nodes.tests.builders import make_node
from peers.models import Peer
from peers.tests.builders import make_interface, make_peer
from reconcile.checks.drift import Item
from reconcile.models import Drift, DriftState, ReconcileRun

pytestmark = pytest.mark.django_db
LIST = reverse("admin:reconcile_drift_changelist")


def url(interface, name="change"):
    return reverse(f"admin:reconcile_drift_{name}", args=[interface.pk])


@pytest.fixture
def drifted():
    """An interface whose one peer is missing on the node."""
    peer = make_peer()
    item = Item("missing", peer.public_key)
    Drift.objects.create(
        interface=peer.interface, state=DriftState.DRIFTED, items=[item.as_json()], count=1
    )
    return peer.interface, item


def previewed(client, interface, item, act):
    """Choose on the page; return what the page sends when the preview is agreed to."""
    choice = {f"act-{item.identity}": act}
    return {**choice, "plan": client.post(url(interface, "plan"), choice).context["plan"].hash}


def shown(client, address):
    response = client.get(address)
    assert response.status_code == 200
    return response.content.decode()


def test_the_list_says_how_each_interface_stands(admin_client, drifted):
    interface, _ = drifted
    Drift.objects.create(interface=make_interface(), reason="Nobody answers.")
    told = shown(admin_client, LIST)
    for text in (interface.node.name, "Drifted", "Unknown", "Nobody answers."):
        assert text in told


def test_the_pages_together_are_the_list(admin_client, monkeypatch, django_assert_num_queries):
    monkeypatch.setattr("reconcile.admin.DriftAdmin.list_per_page", 2)
    made = [Drift.objects.create(interface=make_interface()).interface for _ in range(5)]
    told = []
    for number in (1, 2, 3):
        with django_assert_num_queries(7):
            told += re.findall(
                rf'<a href="{LIST}([0-9a-f-]+)/', shown(admin_client, f"{LIST}?p={number}")
            )
    assert told == [str(it.pk) for it in sorted(made, key=lambda it: (it.node.name, it.name))]


def test_an_interface_that_was_never_checked_is_unknown(admin_client):
    assert "Unknown" in shown(admin_client, url(make_interface()))


def test_a_check_that_reaches_nobody_is_unknown_and_says_why(admin_client):
    interface = make_interface()
    admin_client.post(url(interface, "check"))
    assert Drift.objects.get().state == DriftState.UNKNOWN
    assert "refused" in shown(admin_client, url(interface))


def test_the_choices_are_previewed_and_nothing_is_done_before(admin_client, drifted):
    interface, item = drifted
    choice = {f"act-{item.identity}": "revert"}
    told = admin_client.post(url(interface, "plan"), choice).content.decode()
    assert "What will be done" in told
    assert "No live session drops." in told
    assert not ReconcileRun.objects.exists()


def test_exactly_what_was_previewed_is_done(admin_client, drifted):
    interface, item = drifted
    agreed = previewed(admin_client, interface, item, "revert")
    admin_client.post(url(interface, "apply"), agreed)
    run = ReconcileRun.objects.get()
    assert (run.plan_hash, run.started_by.username) == (agreed["plan"], "admin")
    assert Peer.objects.get().generation == run.generation


def test_another_plan_than_the_previewed_one_is_refused(admin_client, drifted):
    interface, item = drifted
    sent = {f"act-{item.identity}": "revert", "plan": "0" * 64}
    told = admin_client.post(url(interface, "apply"), sent, follow=True).content.decode()
    assert "has changed since the preview" in told
    assert not ReconcileRun.objects.exists()


def test_what_is_ignored_is_not_told_again(admin_client, drifted):
    interface, item = drifted
    admin_client.post(url(interface, "apply"), previewed(admin_client, interface, item, "ignore"))
    assert Drift.objects.get().ignored == [item.identity]
    told = shown(admin_client, url(interface))
    assert "In sync" in told
    assert "Tell what is ignored again" in told


def test_what_was_ignored_can_be_told_again(admin_client, drifted):
    interface, item = drifted
    admin_client.post(url(interface, "apply"), previewed(admin_client, interface, item, "ignore"))
    answer = admin_client.post(url(interface, "tell-again"), follow=True)
    assert Drift.objects.get().ignored == []
    assert "Tell what is ignored again" not in answer.content.decode()


def test_agreeing_twice_is_the_same_as_once(admin_client, drifted):
    interface, item = drifted
    agreed = previewed(admin_client, interface, item, "ignore")
    for _ in range(2):
        assert admin_client.post(url(interface, "apply"), agreed).status_code == 302
    assert (Drift.objects.get().ignored, Drift.objects.get().count) == ([item.identity], 0)


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", "\u202e", "x" * 10_000, "{{ 7 }}"])
def test_what_a_node_tells_is_text(admin_client, text):
    interface = make_interface()
    item = Item("interface", field="addresses", desired="10.0.0.1/24", observed=text)
    Drift.objects.create(
        interface=interface, state=DriftState.DRIFTED, items=[item.as_json()], count=1
    )
    told = shown(admin_client, url(interface))
    assert "Interface differs: addresses" in told
    assert escape(text) in told


def test_who_chooses_nothing_is_told_so(admin_client, drifted):
    interface, item = drifted
    sent = {f"act-{item.identity}": "explode"}
    told = admin_client.post(url(interface, "plan"), sent, follow=True).content.decode()
    assert "Nothing is chosen." in told


def test_a_conflict_is_shown_and_asking_a_silent_node_says_why(admin_client):
    interface = make_interface(condition=Condition.CONFLICT)
    assert "Nothing is pushed until somebody chooses" in shown(admin_client, url(interface))
    told = admin_client.post(url(interface, "conflict"), follow=True).content.decode()
    assert "refused" in told


def test_who_may_only_look_decides_nothing(client, drifted):
    interface, item = drifted
    client.force_login(make_staff("reconcile.view_drift"))
    assert "Preview" not in shown(client, url(interface))
    for name in ("plan", "apply", "conflict", "check", "tell-again"):
        sent = {f"act-{item.identity}": "revert", "plan": ""}
        assert client.post(url(interface, name), sent).status_code == 403


@pytest.mark.parametrize("name", ["check", "plan", "apply", "conflict", "tell-again"])
def test_acts_are_posts(admin_client, drifted, name):
    assert admin_client.get(url(drifted[0], name)).status_code == 405


def test_a_page_of_nothing_is_not_found(admin_client):
    assert admin_client.get("/admin/reconcile/drift/nonsense/change/").status_code == 404


def chosen(*interfaces, **more):
    """What the list sends of these interfaces."""
    pks = [str(Drift.objects.get(interface=it).pk) for it in interfaces]
    return {"action": "reconcile", "_selected_action": pks, **more}


def test_the_list_is_narrowed_to_a_group_or_a_node(admin_client, drifted):
    interface, _ = drifted
    group = NodeGroup.objects.create(name="Europe")
    other = make_interface(node=make_node(name="elsewhere", group=group))
    Drift.objects.create(interface=other)
    for query in (f"group={group.pk}", f"interface__node__id__exact={other.node_id}"):
        told = shown(admin_client, f"{LIST}?{query}")
        assert "elsewhere" in told
        assert f"{interface.node.name} /" not in told


def test_many_are_previewed_together_and_nothing_is_done_before(admin_client, drifted):
    interface, _ = drifted
    unknown = Drift.objects.create(interface=make_interface(), reason="Nobody answers.")
    told = admin_client.post(LIST, chosen(interface, unknown.interface)).content.decode()
    for text in ("Peer is missing", "The last check found nothing out: Nobody answers."):
        assert text in told
    assert not ReconcileRun.objects.exists()


def test_many_are_reconciled_as_previewed(admin_client, drifted):
    interface, _ = drifted
    page = admin_client.post(LIST, chosen(interface))
    flags = {"previewed": "yes", "reconcile_missing": "on"}
    agreed = chosen(interface, agreed="yes", plan=page.context["plan"].hash, **flags)
    told = admin_client.post(LIST, agreed, follow=True).content.decode()
    assert "1 interface will be set right as previewed." in told
    assert ReconcileRun.objects.get().interface == interface


def test_kinds_that_are_not_chosen_stay_as_they_are(admin_client, drifted):
    page = admin_client.post(LIST, chosen(drifted[0], previewed="yes"))
    assert page.context["plan"].plans == ()
    assert "Do exactly this" not in page.content.decode()


def test_what_changed_since_the_preview_is_previewed_again(admin_client, drifted):
    sent = chosen(drifted[0], agreed="yes", previewed="yes", plan="0" * 64)
    assert "has changed since the preview" in admin_client.post(LIST, sent).content.decode()
    assert not ReconcileRun.objects.exists()


def test_more_than_a_person_can_look_through_are_refused(admin_client, drifted, monkeypatch):
    monkeypatch.setattr("reconcile.admin_actions.MOST", 0)
    told = admin_client.post(LIST, chosen(drifted[0]), follow=True).content.decode()
    assert "Choose at most 0 interfaces" in told


def test_the_chosen_are_checked_soon(
    admin_client, drifted, monkeypatch, django_capture_on_commit_callbacks
):
    sent = []
    monkeypatch.setattr("reconcile.checks.drift_schedule.send", sent.extend)
    Interface.objects.update(observed_generation=1)
    with django_capture_on_commit_callbacks(execute=True):
        admin_client.post(LIST, {**chosen(drifted[0]), "action": "check_now"})
    assert sent == [str(drifted[0].pk)]


def test_who_may_only_look_is_offered_nothing_for_many(client, drifted):
    client.force_login(make_staff("reconcile.view_drift"))
    assert "Reconcile …" not in shown(client, LIST)
    client.post(LIST, chosen(drifted[0]))
    assert not ReconcileRun.objects.exists()
