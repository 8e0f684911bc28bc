"""One score from one table: by arithmetic, by SQL and as the generated column."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from nodes.models import Node
from nodes.scoring import Load, Score, score_sql
from nodes.tests.builders import make_node

PERCENT = st.none() | st.floats(0, 100) | st.sampled_from([40, 50, 60, 70, 80, 85])
COUNT = st.integers(0, 2**31 - 1)


def load(peers: int = 0, max_peers: int = 100, weight: float = 1, cpu=None, memory=None) -> Load:
    return Load(peers, max_peers, weight, cpu, memory)


@pytest.mark.parametrize(
    ("node", "score"),
    [
        (load(40, cpu=85, memory=60), Score(0.4, 0.5, 0.05)),
        (load(50, cpu=30, memory=45), Score(0.5, 0, 0)),
        (load(30, cpu=50, memory=75), Score(0.3, 0.05, 0.15)),
    ],
    ids=["A 0.95", "B 0.5", "C 0.5"],
)
def test_the_example_of_the_reference_follows_its_own_table(node, score):
    assert node.score == score
    assert round(node.score.total, 12) in (0.95, 0.5)


@pytest.mark.parametrize(
    ("cpu", "added"),
    [(None, 0), (40, 0), (40.1, 0.05), (60, 0.05), (60.1, 0.2), (80, 0.2), (80.1, 0.5), (100, 0.5)],
)
def test_a_band_of_cpu_begins_above_its_bound(cpu, added):
    assert load(cpu=cpu).score.cpu == added


@pytest.mark.parametrize(
    ("memory", "added"),
    [(None, 0), (50, 0), (50.1, 0.05), (70, 0.05), (70.1, 0.15), (85, 0.15), (85.1, 0.4)],
)
def test_a_band_of_memory_begins_above_its_bound(memory, added):
    assert load(memory=memory).score.memory == added


def test_a_node_of_weight_2_takes_twice_the_peers_at_equal_score():
    assert load(60, weight=2).score == load(30, weight=1).score


def test_the_words_say_what_adds_how_much():
    assert load(40, cpu=85, memory=60.5).words == [
        "40 of 100 peers make 0.4",
        "CPU 85 % adds 0.5",
        "Memory 60.5 % adds 0.05",
    ]
    assert load(1, 3, weight=2.5).words == ["1 of 3 peers at weight 2.5 make 0.133"]


@pytest.mark.django_db
def test_places_given_too_late_to_be_in_the_report_count():
    node = make_node(active_peers=10, assigned_since_report=3, assigned_before_report=2)
    assert node.load.peers == 15
    assert Node.objects.values_list("score", flat=True).get() == 15 / 250


NODES = st.fixed_dictionaries(
    {
        "active_peers": COUNT,
        "assigned_since_report": COUNT,
        "assigned_before_report": COUNT,
        "max_peers": st.integers(1, 1_000_000),
        "weight": st.floats(0.01, 1000),
        "cpu_percent": PERCENT,
        "memory_percent": PERCENT,
    }
)


class Agreement(TestCase):
    @given(fields=NODES)
    def test_arithmetic_sql_and_generated_column_agree_to_the_last_bit(self, fields):
        pk = make_node(**fields).pk
        node = Node.objects.annotate(calculated=score_sql()).get(pk=pk)
        assert node.score == node.calculated == node.load.score.total
