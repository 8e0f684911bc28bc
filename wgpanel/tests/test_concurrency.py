"""Requests that meet: one wins, the others are refused, and nothing is half done."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections
from rest_framework.test import APIClient

from accounts.tests.builders import make_admin
from groups.models import NodeGroup
from nodes.models import Node
from nodes.tests.builders import make_group, make_node

pytestmark = pytest.mark.django_db(transaction=True)
REFUSED = {400, 404, 409, 503}
ROUNDS = 5


def at_once(*calls) -> list[int]:
    """Make each call (method, path, body) from a thread of its own; return the status codes."""
    user = make_admin()

    def make(call):
        method, path, body = call
        client = APIClient()
        client.force_authenticate(user)
        try:
            return getattr(client, method)(f"/api/v1/{path}", body).status_code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(make, calls))


def test_of_groups_created_at_once_with_one_name_at_most_one_is_there():
    for number in range(ROUNDS):
        answers = at_once(*[("post", "groups/", {"name": f"g{number}"})] * 4)
        created = NodeGroup.objects.filter(name=f"g{number}").count()
        assert answers.count(201) == created <= 1
        assert set(answers) <= {201, *REFUSED}


def test_a_node_that_is_deleted_while_it_is_changed_stays_deleted():
    for _ in range(ROUNDS):
        path = f"nodes/{make_node().pk}/"
        change, delete = at_once(("patch", path, {"weight": 2}), ("delete", path, None))
        assert change in {200, *REFUSED}
        assert delete in {200, *REFUSED}
        assert Node.objects.exists() is (delete != 200)
        Node.objects.all().delete()


def test_a_node_that_joins_a_group_while_it_is_deleted_is_in_no_group():
    for _ in range(ROUNDS):
        group, node = make_group(), make_node()
        answers = at_once(
            ("delete", f"groups/{group.pk}/", None),
            ("post", f"nodes/{node.pk}/assign-group/", {"group": str(group.pk)}),
            ("patch", f"nodes/{node.pk}/", {"group": str(group.pk)}),
        )
        assert set(answers) <= {200, *REFUSED}
        if answers[0] == 200:
            assert Node.objects.get(pk=node.pk).group_id is None
            assert node.history.first().group_id is None
