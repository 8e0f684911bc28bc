"""The nodes' part of the REST API."""

import datetime as dt
import json
import secrets
import uuid

import pytest
from django.db import IntegrityError, OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from nodes import views
from nodes.models import Node, Status
from nodes.tests.builders import make_group, make_node, make_online_node, make_report

pytestmark = pytest.mark.django_db
LIST = "/api/v1/nodes/"
LONG_AGO = timezone.now() - dt.timedelta(hours=1)

# fixed: workers that run tests side by side must agree on the tests' names
UNKNOWN_ID = "0cea1d45-c246-41ec-a3ce-8dcb654e312c"


def detail(node) -> str:
    return f"{LIST}{node.pk}/"


def post(api, route: str, body):
    """Send what no ordinary encoder would send: a lone surrogate."""
    return api.post(route, json.dumps(body), content_type="application/json")


def names(answer) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [row["name"] for row in answer.json()["results"]]


def make_body(**fields):
    secret = secrets.token_hex(32)
    return {"name": "fra1", "agent_url": "http://127.0.0.1:8080", "secret": secret, **fields}


# --- create -----------------------------------------------------------------------------------


def test_a_new_node_is_answered_without_its_secret_and_is_due_at_once(api):
    body = make_body(weight=2, max_peers=10, enabled=True, maintenance=True)
    answer = api.post(LIST, body)
    assert answer.status_code == 201
    assert body.pop("secret") not in answer.content.decode()
    assert {**answer.json(), **body, "status": "unknown"} == answer.json()
    assert Node.objects.get().next_poll_at <= timezone.now()


def test_the_secret_that_was_sent_is_the_one_that_is_stored(api):
    body = make_body()
    api.post(LIST, body)
    assert Node.objects.get().secret.reveal() == body["secret"]


def test_who_prepares_the_agent_beforehand_chooses_the_id_once(api):
    body = make_body(id=str(uuid.uuid4()))
    assert api.post(LIST, body).json()["id"] == body["id"]
    again = api.post(LIST, {**body, "name": "other"})
    assert (again.status_code, list(again.json()["fields"])) == (400, ["id"])


@pytest.mark.parametrize("missing", ["name", "agent_url", "secret"])
def test_a_new_node_needs_a_name_an_address_and_a_secret(api, missing):
    body = make_body()
    del body[missing]
    assert list(api.post(LIST, body).json()["fields"]) == [missing]


@pytest.mark.parametrize("by", ["pk", "name"])
def test_a_new_node_joins_a_group_named_by_id_or_by_name(api, by):
    group = make_group(name="Europe", region="eu")
    answer = api.post(LIST, make_body(group=str(getattr(group, by)))).json()
    shown = (answer["group"], answer["group_name"], answer["region"])
    assert shown == (str(group.pk), "Europe", "eu")


# --- change -----------------------------------------------------------------------------------


def test_what_is_read_can_be_sent_back_whole(api):
    node = make_online_node(group=make_group())
    read = api.get(detail(node)).json()
    answer = api.put(detail(node), read)
    assert answer.status_code == 200
    assert {**answer.json(), "updated_at": read["updated_at"]} == read


def test_a_patch_does_not_undo_what_polling_wrote_meanwhile(api, monkeypatch):
    node = make_online_node()
    save = Node.save

    def save_late(self, *args, **kwargs):
        Node.objects.filter(pk=self.pk).update(cpu_percent=99, health_json={"new": True})
        save(self, *args, **kwargs)

    monkeypatch.setattr(Node, "save", save_late)
    answer = api.patch(detail(node), {"maintenance": True}).json()
    assert (answer["maintenance"], answer["cpu_percent"]) == (True, 99)
    assert answer["health_json"] == {"new": True}


@pytest.mark.parametrize(
    "field",
    ["id", "status", "status_reason", "reported_at", "health_json", "failures", "active_peers",
     "cpu_percent", "agent_version", "next_poll_at", "clock_skew_ms", "created_at", "group_name",
     "region", "secret_seq", "claimed_until"],
)  # fmt: skip
def test_what_polling_finds_cannot_be_written(api, field):
    node = make_online_node(group=make_group())
    before = Node.objects.values().get()
    wrong = {"id": str(uuid.uuid4()), "health_json": {}, "status": "offline"}.get(field, 7)
    assert api.patch(detail(node), {field: wrong}).status_code == 200
    after = Node.objects.values().get()
    assert {**after, "updated_at": None} == {**before, "updated_at": None}


def test_the_answer_shows_the_standing_after_the_change(api):
    node = make_online_node()
    answer = api.patch(detail(node), {"enabled": False}).json()
    assert (answer["status"], answer["status_reason"]) == ("unknown", "Disabled: nobody asks it.")


def test_a_new_secret_is_remembered_as_an_act_without_its_text(api, user):
    node, secret = make_node(), secrets.token_hex(32)
    answer = api.patch(detail(node), {"secret": secret})
    latest = node.history.first()
    assert secret not in answer.content.decode()
    assert (latest.history_user, latest.history_change_reason) == (user, "Secret replaced.")
    assert Node.objects.get().secret.reveal() == secret


@pytest.mark.parametrize("field", ["secret", "agent_url"])
def test_a_node_is_asked_at_once_when_its_address_or_secret_changes(api, field):
    node = make_node(next_poll_at=timezone.now() + dt.timedelta(minutes=5))
    api.patch(detail(node), {field: make_body()[field]})
    assert Node.objects.get().next_poll_at <= timezone.now()


def test_a_patch_of_something_else_does_not_touch_the_time_of_the_next_poll(api):
    node = make_node(next_poll_at=timezone.now() + dt.timedelta(minutes=5))
    api.patch(detail(node), {"name": "renamed"})
    assert Node.objects.get().next_poll_at == node.next_poll_at


# --- refusals ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "x\nPostUp = touch pwned"), ("name", "nul\0byte"), ("name", "\ud800"),
        ("name", "x" * 65), ("name", ""), ("name", None),
        ("agent_url", "http://127.0.0.1\0"), ("agent_url", "\udfff"), ("agent_url", "x" * 301),
        ("agent_url", "http://[127.0.0.1]:80"), ("agent_url", "http://169.254.169.254"),
        ("agent_url", "http://127.0.0.1:8080\nPostUp = touch pwned"), ("agent_url", {}),
        ("secret", "short"), ("secret", "a" * 64), ("secret", "\0" + "xyzabc0123456789" * 3),
        ("secret", "\ud800" + "xyzabc0123456789" * 3), ("secret", "x" * 600), ("secret", None),
        ("secret", ""), ("secret", " " + "xyzabc0123456789qrt" * 3), ("secret", 1),
        ("group", "nothing"), ("group", UNKNOWN_ID), ("group", "a\0b"), ("group", "\ud800"),
        ("group", 7), ("group", []), ("group", {"id": 1}), ("group", True),
        ("weight", 0), ("weight", -1), ("weight", 1e308), ("weight", "nan"), ("weight", "inf"),
        ("weight", 10**400), ("weight", None), ("weight", "x"), ("weight", []),
        ("max_peers", 0), ("max_peers", 10**30), ("max_peers", 1.5), ("max_peers", "9" * 5000),
        ("enabled", "x"), ("enabled", None), ("enabled", []), ("maintenance", {}),
        ("id", "x"), ("id", 10**50), ("id", None), ("id", "\ud800"),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_used_is_refused_and_the_field_named(api, field, value):
    answer = post(api, LIST, make_body(**{field: value}))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid")
    assert list(answer.json()["fields"]) == [field]
    assert not Node.objects.exists()


@pytest.mark.parametrize("error", [IntegrityError("unique"), OperationalError("locked")])
def test_what_the_database_refuses_is_not_a_fault_of_the_panel(api, monkeypatch, error):
    def fail(*args, **kwargs):
        raise error

    monkeypatch.setattr(Node, "save", fail)
    answer = api.post(LIST, make_body())
    expected = {IntegrityError: (409, "conflict"), OperationalError: (503, "unavailable")}
    assert (answer.status_code, answer.json()["error"]) == expected[type(error)]
    assert answer.get("Retry-After") == ("5" if answer.status_code == 503 else None)


# --- read -------------------------------------------------------------------------------------


def test_no_answer_has_the_secret_or_its_sealed_form(api):
    node = make_online_node()
    for answer in (api.get(LIST), api.get(detail(node)), api.patch(detail(node), {"name": "x"})):
        text = answer.content.decode()
        assert "secret" not in text
        assert node.secret.reveal() not in text
        assert node.secret.seal() not in text


def test_the_last_report_is_shown_and_can_be_left_out_of_a_list(api):
    make_online_node()
    assert api.get(LIST).json()["results"][0]["health_json"] == make_report()
    for no in ("0", "false"):
        assert api.get(f"{LIST}?health={no}").json()["results"][0]["health_json"] is None


def test_a_list_costs_the_same_queries_for_one_node_and_for_fifty(api):
    def count(query=""):
        with CaptureQueriesContext(connection) as queries:
            assert api.get(LIST + query).status_code == 200
        return len(queries)

    make_online_node(group=make_group())
    one = count()
    for _ in range(49):
        make_online_node(group=make_group())
    assert count() == one == 3
    assert count("?health=0") == 3


def test_a_node_that_polling_has_left_behind_is_stale_in_words(api):
    make_online_node(last_attempt_at=LONG_AGO, next_poll_at=LONG_AGO)
    (row,) = api.get(LIST).json()["results"]
    assert row["status"] == "stale"
    assert row["status_reason"].startswith(f"Nobody has asked it since {LONG_AGO:%Y-%m-%d %H:%M}")
    assert dt.datetime.fromisoformat(row["status_since"]) == LONG_AGO


@pytest.fixture
def fleet():
    europe = make_group(name="Europe", region="eu")
    asia = make_group(name="Asia", region="as")
    make_online_node(name="a", group=europe, cpu_percent=50, active_peers=1)
    make_online_node(name="b", group=asia, cpu_percent=10, active_peers=9, maintenance=True)
    make_node(name="c", group=europe, status=Status.OFFLINE, agent_url="http://127.9.9.9:1")
    make_online_node(name="d", enabled=False, cpu_percent=70, active_peers=5)
    make_online_node(name="e", last_attempt_at=LONG_AGO, next_poll_at=LONG_AGO, active_peers=7)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", "abcde"),
        ("group=Europe", "ac"),
        ("group=none", "de"),
        ("region=as", "b"),
        ("enabled=false", "d"),
        ("enabled=1", "abce"),
        ("maintenance=true", "b"),
        ("status=online", "ab"),
        ("status=offline", "c"),
        ("status=unknown", "d"),
        ("status=stale", "e"),
        ("status=degraded", ""),
        ("search=127.9.9.9", "c"),
        ("search=zzz", ""),
        ("group=Europe&status=online", "a"),
        ("ordering=-name", "edcba"),
        ("ordering=-active_peers", "bedac"),
        ("ordering=status,name", "cabed"),
        ("ordering=group,name", "bacde"),
        ("ordering=-group,name", "acbde"),
        ("ordering=reported_at&page_size=4&page=2", "c"),
        ("ordering=-reported_at&page_size=4&page=2", "c"),
        ("page_size=2&page=2", "cd"),
    ],
)
@pytest.mark.usefixtures("fleet")
def test_nodes_are_filtered_searched_ordered_and_paged(api, query, expected):
    assert names(api.get(f"{LIST}?{query}")) == list(expected)


@pytest.mark.usefixtures("fleet")
def test_a_group_is_named_by_its_id_too(api):
    group = Node.objects.get(name="b").group
    assert names(api.get(f"{LIST}?group={group.pk}")) == ["b"]


@pytest.mark.parametrize("field", sorted(views.NodeViewSet.ordering_fields))
def test_pages_of_equal_rows_neither_repeat_nor_miss_one(api, field):
    wanted = {make_node().name for _ in range(7)}
    pages = [names(api.get(f"{LIST}?ordering=-{field}&page_size=2&page={n}")) for n in range(1, 5)]
    shown = [name for page in pages for name in page]
    assert len(shown) == 7
    assert set(shown) == wanted


@pytest.mark.parametrize(
    "query",
    [
        "group=Atlantis", "group=a%00b", "group=" + "x" * 65, "group=%F0%00",
        "group=0f8fad5b-d9cb-469f-a165-70867728950e", "enabled=maybe", "enabled=TRUE",
        "maintenance=2", "status=fine", "status=ONLINE", "status=%00", "health=no",
        "ordering=secret", "ordering=health_json", "ordering=group__name", "ordering=standing",
        "ordering=name,-name", "search=" + "a+" * 2000, "region=%00",
    ],
)  # fmt: skip
def test_a_query_that_cannot_be_used_is_refused_and_the_parameter_named(api, query):
    answer = api.get(f"{LIST}?{query}")
    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == [query.split("=")[0]]


PIN = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"agent_url": "https://127.0.0.1:8080"}, "tls_pin"),
        ({"agent_url": "http://8.8.8.8:8080"}, "agent_url"),
        ({"tls_pin": PIN.upper()}, "tls_pin"),
        ({"next_tls_pin": "x"}, "next_tls_pin"),
        ({"tls_pin": None}, "tls_pin"),
    ],
)
def test_a_transport_that_is_none_is_refused_and_the_field_named(api, body, field):
    node = make_node()
    answer = api.patch(detail(node), body)
    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == [field]


def test_tls_is_set_by_its_address_and_its_pin_together(api):
    node = make_node(next_poll_at=timezone.now() + dt.timedelta(hours=1))
    body = {"agent_url": "https://127.0.0.1:8080", "tls_pin": PIN}
    answer = api.patch(detail(node), body)
    assert {name: answer.json()[name] for name in body} == body
    assert Node.objects.get().next_poll_at <= timezone.now()


def test_the_switch_for_plain_http_is_the_nodes_own(api):
    body = make_body(agent_url="http://8.8.8.8:8080")
    assert api.post(LIST, body).status_code == 400
    assert api.post(LIST, {**body, "allow_plain_http": True}).status_code == 201
