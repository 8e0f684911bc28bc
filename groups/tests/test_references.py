"""A group is found by its id or its name."""

import uuid

import pytest

from groups import references
from groups.models import NodeGroup

pytestmark = pytest.mark.django_db


def make_group(**fields):
    return NodeGroup.objects.create(**{"name": "Europe", **fields})


def test_a_group_is_found_by_its_id_in_any_spelling_and_by_its_name():
    group = make_group()
    spellings = (str(group.pk), group.pk.hex, str(group.pk).upper(), "Europe")
    assert {references.find(spelling) for spelling in spellings} == {group}


def test_an_id_wins_over_a_name_that_looks_like_it():
    group = make_group()
    make_group(name=str(group.pk))
    assert references.find(str(group.pk)) == group


def test_a_name_that_looks_like_an_id_is_found():
    group = make_group(name=str(uuid.uuid4()))
    assert references.find(group.name) == group


@pytest.mark.parametrize("text", ["", "europe", "Asia", "Eur\0ope", "\ud800", "x" * 10_000, "\n"])
def test_what_names_no_group_does_not_exist(text):
    make_group()
    with pytest.raises(NodeGroup.DoesNotExist):
        references.find(text)
