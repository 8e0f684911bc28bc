"""`manage.py select_node` as a script calls it."""

import io

import pytest
from django.core.management import CommandError, call_command

from nodes.models import Node
from nodes.tests.builders import make_group
from selection.tests.builders import make_idle_node

pytestmark = pytest.mark.django_db


def run(*words: str) -> list[str]:
    written = io.StringIO()
    call_command("select_node", *words, stdout=written)
    return written.getvalue().splitlines()


def test_it_prints_the_name_alone_and_reserves_nothing():
    make_idle_node(name="busy", active_peers=9)
    make_idle_node(name="idle")
    assert run() == ["idle"]
    assert not Node.objects.filter(assigned_peers__gt=0).exists()


def test_a_group_and_a_strategy_may_be_given():
    make_idle_node(name="outside")
    make_idle_node(name="inside", group=make_group(name="eu"), active_peers=5)
    assert run("--group", "eu") == run("--strategy", "inside") == ["inside"]


def test_it_explains_each_candidate_in_words_and_who_is_left_out():
    make_idle_node(name="A", active_peers=40, cpu_percent=85, memory_percent=60)
    make_idle_node(name="B", active_peers=50)
    make_idle_node(maintenance=True)
    assert run("--explain") == [
        "B",
        "  1. B  0.500  50 of 100 peers make 0.5",
        "  2. A  0.950  40 of 100 peers make 0.4; CPU 85 % adds 0.5; Memory 60 % adds 0.05",
        "left out: 1 in maintenance",
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "No node can take a peer: 1 offline."),
        (("--explain",), "No node can take a peer: 1 offline."),
        (("--strategy", "away"), "The node away cannot take a peer: offline."),
        (("--group", "asia"), "There is no group 'asia'."),
    ],
)
def test_a_refusal_is_an_error_with_its_reason(words, said):
    make_idle_node(name="away", status="offline")
    with pytest.raises(CommandError) as error:
        run(*words)
    assert str(error.value) == said
