"""Plans about drift, without a node."""

import uuid

import pytest

from reconcile.checks.drift import Item
from reconcile.decisions.plans import Act, Flags, make

ID = uuid.UUID("5ae15bcd-7a9b-4f7c-9f0a-0d0a0f1f2a3b")
MISSING = Item("missing", "a")
UNKNOWN = Item("unknown", "b", observed={"preshared_key": None})
KEYED = Item("unknown", "k", observed={"preshared_key": "f1"})
MISMATCHED = Item("mismatched", "c", "keepalive", 25, None)
OTHER_KEY = Item("mismatched", "d", "preshared_key", "f1", "f2")
PORT = Item("interface", None, "listen_port", 51820, 1)
FILE = Item("mismatched", "e", "conf.keepalive", 25, None)
ALL = (MISSING, UNKNOWN, KEYED, MISMATCHED, OTHER_KEY, PORT, FILE)


def plan(*items: Item, act: Act = Act.REVERT, among: tuple[Item, ...] = (), **options):
    choices = {item.identity: act for item in items}
    return make(ID, [*items, *among], choices, **options)


@pytest.mark.parametrize(
    ("flags", "kinds"),
    [
        (Flags(), {"missing", "mismatched", "interface"}),
        (Flags(remove_unknown=True), {"missing", "mismatched", "interface", "unknown"}),
        (Flags(reconcile_missing=False), {"mismatched", "interface"}),
        (Flags(reconcile_mismatched=False), {"missing"}),
    ],
)
def test_flags_choose_by_kind(flags, kinds):
    chosen = flags.choose(ALL)
    assert {item.kind for item in ALL if item.identity in chosen} == kinds


def test_what_is_not_chosen_is_left_alone():
    assert [step.item for step in plan(MISSING, among=(UNKNOWN,)).steps] == [MISSING]


@pytest.mark.parametrize("item", [MISSING, UNKNOWN, MISMATCHED, OTHER_KEY])
def test_peers_are_reverted_one_by_one(item):
    found = plan(item, among=(KEYED,))
    assert (found.is_whole, found.also) == (False, ())


@pytest.mark.parametrize("item", [PORT, FILE])
def test_settings_and_files_need_the_whole_document_which_reverts_the_rest_too(item):
    found = plan(item, among=(KEYED,))
    assert (found.is_whole, found.also) == (True, (KEYED,))


def test_more_peers_than_a_delta_carries_need_the_whole_document():
    items = [Item("missing", f"key {number}") for number in range(501)]
    assert plan(*items).is_whole
    assert not plan(*items[:500]).is_whole


@pytest.mark.parametrize(
    ("item", "act", "sessions"),
    [
        (MISSING, Act.REVERT, 0),
        (MISMATCHED, Act.REVERT, 0),
        (OTHER_KEY, Act.REVERT, 1),
        (UNKNOWN, Act.REVERT, 1),
        (UNKNOWN, Act.ADOPT, 0),
        (KEYED, Act.ADOPT, 1),
        (UNKNOWN, Act.IGNORE, 0),
        (PORT, Act.REVERT, 9),
        (FILE, Act.REVERT, 0),
    ],
)
def test_a_plan_says_how_many_live_sessions_it_drops(item, act, sessions):
    live = ["a", "b", "c", "d", "e", "k"]
    assert plan(item, act=act, live=live, live_count=9).sessions == sessions


def test_what_goes_by_the_way_counts_as_well():
    assert plan(FILE, among=(UNKNOWN,), live=["b"], live_count=5).sessions == 1


def test_the_hash_is_of_what_the_preview_shows():
    assert plan(MISSING).hash == plan(MISSING).hash
    assert plan(MISSING).hash != plan(MISSING, act=Act.ADOPT).hash
    assert plan(UNKNOWN).hash != plan(UNKNOWN, live=["b"]).hash


def test_a_lost_preshared_key_is_said_before():
    (step,) = plan(KEYED, act=Act.ADOPT).steps
    assert "needs a new file" in step.note
