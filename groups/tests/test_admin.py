"""Groups in the admin: edited, remembered, and deleted without their nodes."""

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.urls import reverse

from accounts.tests.builders import make_staff
from groups.models import NodeGroup

pytestmark = pytest.mark.django_db
LIST = reverse("admin:groups_nodegroup_changelist")
ADD = reverse("admin:groups_nodegroup_add")


def url(name, group):
    return reverse(f"admin:groups_nodegroup_{name}", args=[group.pk])


def make_group(**fields):
    return NodeGroup.objects.create(**{"name": "Europe", **fields})


def typed(**fields):
    return {"name": "Europe", "region": "eu", "priority": "0", "description": "", **fields}


def test_a_group_is_added_and_the_history_says_by_whom(admin_client):
    admin_client.post(ADD, typed(region="eu-central", priority="7"))
    group = NodeGroup.objects.get()
    assert (group.name, group.region, group.priority) == ("Europe", "eu-central", 7)
    assert group.history.get().history_user.is_superuser


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"name": ""}, "This field is required"),
        ({"name": "two\nlines"}, "Only printable characters"),
        ({"name": "\u202eepoh"}, "Only printable characters"),
        ({"priority": "high"}, "Enter a whole number"),
        ({"priority": "1" + "0" * 30}, "less than or equal to"),
        ({"name": "Taken"}, "already exists"),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_reason(admin_client, fields, sentence):
    make_group(name="Taken")
    shown = admin_client.post(ADD, typed(**fields)).content.decode()
    assert sentence in shown
    assert NodeGroup.objects.count() == 1


def test_only_what_was_changed_is_saved(admin_client):
    group = make_group(description="kept")
    admin_client.post(url("change", group), typed(description="kept", priority="9"))
    group.refresh_from_db()
    assert (group.priority, group.description) == (9, "kept")
    newest, older = group.history.all()[:2]
    assert newest.diff_against(older).changed_fields == ["priority", "region"]


def test_deleting_asks_first(admin_client):
    group = make_group()
    assert "it has no nodes" in admin_client.get(url("delete", group)).content.decode()
    assert NodeGroup.objects.exists()


def test_a_deleted_group_stays_in_the_history_with_who_did_it(admin_client):
    group = make_group()
    admin_client.post(url("delete", group), {"post": "yes"})
    assert not NodeGroup.objects.exists()
    gone = NodeGroup.history.get(history_type="-")
    assert (gone.name, gone.history_user.is_superuser) == ("Europe", True)


def test_several_are_deleted_after_one_question(admin_client):
    groups = [make_group(name=name) for name in ("Europe", "Asia")]
    chosen = {"action": "delete_selected", ACTION_CHECKBOX_NAME: [str(g.pk) for g in groups]}
    question = admin_client.post(LIST, chosen).content.decode()
    assert "Delete 2 groups" in question
    admin_client.post(LIST, {**chosen, "post": "yes"})
    assert not NodeGroup.objects.exists()


@pytest.mark.parametrize("name", ["change", "delete"])
def test_who_may_only_look_changes_nothing(client, name):
    client.force_login(make_staff("groups.view_nodegroup"))
    group = make_group()
    assert client.post(url(name, group), typed(post="yes")).status_code == 403
    assert NodeGroup.objects.exists()


def test_groups_are_found_by_name_and_region(admin_client):
    make_group(name="Europe", region="eu-central")
    make_group(name="Asia", region="ap-south")
    shown = admin_client.get(LIST, {"q": "ap-south"}).content.decode()
    assert (">Asia<" in shown, ">Europe<" in shown) == (True, False)
