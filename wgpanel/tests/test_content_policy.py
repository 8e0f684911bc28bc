"""No page runs what is not ours, and none can be framed."""

import re

import pytest
from django.urls import reverse

from nodes.tests.builders import make_online_node
from wgpanel.content_policy import HEADER

pytestmark = pytest.mark.django_db


def policy(response):
    return dict(part.strip().split(" ", 1) for part in response[HEADER].split(";"))


def test_the_admin_loads_from_itself_and_runs_no_script_of_a_page(admin_client):
    rules = policy(admin_client.get(reverse("admin:index")))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == "'self' 'unsafe-eval'"
    assert rules["connect-src"] == rules["font-src"] == rules["form-action"] == "'self'"
    assert rules["frame-ancestors"] == rules["base-uri"] == "'none'"


def test_the_login_has_the_policy_too(client):
    assert "script-src" in policy(client.get(reverse("admin:login")))


@pytest.mark.parametrize("path", ["/healthz", "/api/v1/nodes/", "/nothing-here", "/"])
def test_everything_else_may_load_nothing(client, path):
    rules = policy(client.get(path))
    assert set(rules.values()) == {"'none'"}


def test_a_page_for_people_without_an_account_runs_our_own_files_and_nothing_else(client):
    rules = policy(client.get("/share/0000000000000000/"))
    assert rules["script-src"] == rules["style-src"] == rules["connect-src"] == "'self'"
    assert rules["default-src"] == rules["frame-ancestors"] == rules["base-uri"] == "'none'"
    assert "unsafe" not in str(rules)


def test_a_view_may_have_a_policy_of_its_own(admin_client):
    assert "'unsafe-eval'" not in admin_client.get(reverse("docs"))[HEADER]


def test_no_page_of_ours_has_a_script_in_it(admin_client):
    node = make_online_node()
    for name, arguments in (
        ("admin:index", []),
        ("admin:nodes_node_changelist", []),
        ("admin:nodes_node_change", [node.pk]),
        ("admin:nodes_node_add", []),
        ("admin:django_celery_beat_periodictask_add", []),
    ):
        shown = admin_client.get(reverse(name, args=arguments)).content.decode()
        assert not re.findall(r"<script(?![^>]*\bsrc=)(?![^>]*json)", shown), name
        assert not re.findall(r"\son\w+=", shown), name
