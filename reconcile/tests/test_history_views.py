"""What was found and decided before, and the end of ignoring, by REST."""

import pytest
from django.utils import timezone

from reconcile.checks.drift import Item
from reconcile.checks.wording import what
from reconcile.models import Drift, DriftRecord, ReconcileRun
from reconcile.tests.pushing import make_in_sync

pytestmark = pytest.mark.django_db
KEY = "A" * 42 + "A="


def path(interface, name) -> str:
    return f"/api/v1/interfaces/{interface.pk}/drift/{name}/"


def test_findings_are_listed_newest_first_in_the_words_of_the_page(api, agent):
    interface, item = make_in_sync(agent), Item("missing", KEY)
    for minute, items in enumerate(([item], [])):
        DriftRecord.objects.create(
            interface=interface,
            checked_at=timezone.now().replace(minute=minute),
            state="drifted" if items else "in_sync",
            items=[it.as_json() for it in items],
            count=len(items),
        )
    told = api.get(path(interface, "history")).json()["results"]
    assert [(it["state"], it["count"]) for it in told] == [("in_sync", 0), ("drifted", 1)]
    assert told[1]["items"][0]["what"] == what(item) == "Peer is missing"


def test_decisions_say_who_made_them_and_what_became_of_them(api, agent, user):
    interface = make_in_sync(agent)
    ReconcileRun.objects.create(interface=interface, kind="plan", generation=2, started_by=user)
    (told,) = api.get(path(interface, "decisions")).json()["results"]
    assert (told["started_by"], told["done_at"], told["kind"]) == (user.username, None, "plan")


def test_what_was_ignored_is_told_again(api, agent):
    interface = make_in_sync(agent)
    key = next(iter(agent.held["wg0"].peers))
    agent.held["wg0"].running = {
        it: peer for it, peer in agent.held["wg0"].peers.items() if it != key
    }
    url = f"/api/v1/interfaces/{interface.pk}/drift/"
    (item,) = api.post(url).json()["items"]
    Drift.objects.update(ignored=[item["id"]])
    quiet = api.post(url).json()
    assert (quiet["state"], quiet["ignored"]) == ("in_sync", 1)
    told = api.post(path(interface, "tell-again")).json()
    assert (told["state"], told["ignored"], told["items"][0]["id"]) == ("drifted", 0, item["id"])
