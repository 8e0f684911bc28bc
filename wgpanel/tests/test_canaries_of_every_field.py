"""Every secret field that any model has, found by introspection: full, and found nowhere else."""

import base64
import io
import json
import logging

import pytest
import redis
from celery import current_app
from django.contrib import admin
from django.contrib.auth.models import User
from django.core.management import call_command
from django.urls import reverse
from rest_framework.test import APIClient

from accounts import setup_links
from accounts.tests.builders import GOOD_PASSWORD
from keyring.rotation import secret_columns
from nodes import rotation
from nodes.models import Interface, Node
from nodes.polls import polling
from peers import changing
from peers.models import Peer
from peers.tests.builders import make_key
from wgpanel.tests.canaries import Planted, leaks, make_canary, plant, spellings
from wgpanel.tests.stored import stored_bytes
from wgpanel.tests.test_rights import TABLE

pytestmark = pytest.mark.django_db
GETS = [route for route, methods in TABLE.items() if "GET" in methods]
SILENT = [route for route in GETS if not route.endswith(("config/", "qr/"))]
FAULT = "a fault of ours"


@pytest.fixture
def planted(log) -> Planted:
    return plant()


@pytest.fixture
def browser(client, planted):
    client.force_login(planted.boss)
    client.raise_request_exception = False
    return client


@pytest.fixture
def caller(planted) -> APIClient:
    client = APIClient(raise_request_exception=False)
    client.credentials(HTTP_AUTHORIZATION=f"Token {planted.digested['API token']}")
    return client


def filled(route: str, planted: Planted) -> str:
    """The route with the object of its kind that was planted."""
    rows = {model.__name__.lower(): row for model, row in planted.rows.items()}
    kind = route.removeprefix("/api/v1/").partition("/")[0].removesuffix("s").replace("-", "")
    interface = rows["peer"].interface
    return route.format({**rows, "interface": interface}.get(kind, rows["peer"]).pk)


def test_every_secret_field_of_every_model_is_planted(planted):
    assert set(planted.columns) == {str(column) for column in secret_columns()}
    for column in secret_columns():
        row = column.model.objects.get(pk=planted.rows[column.model].pk)
        assert getattr(row, column.attname).reveal() == planted.columns[str(column)]


def test_the_search_finds_each_spelling(planted):
    assert len(set(planted.secrets)) == len(planted.secrets)
    for secret in planted.secrets:
        assert all(planted.leaks(f"…{spelling}…") for spelling in spellings(secret))


@pytest.mark.parametrize("route", SILENT)
def test_no_answer_by_rest_has_one(planted, caller, route):
    answer = caller.get(filled(route, planted))
    assert answer.status_code < 500
    assert planted.leaks(answer.getvalue().decode()) == set()


def test_no_page_of_the_admin_has_one(planted, browser):
    seen = set()
    for model, site in admin.site._registry.items():
        name = f"admin:{site.opts.app_label}_{site.opts.model_name}"
        pages = [reverse(f"{name}_changelist")]
        if model in planted.rows:
            pk = planted.rows[model].pk
            pages += [
                reverse(f"{name}_{act}", args=[pk]) for act in ("change", "history", "delete")
            ]
        for page in pages:
            answer = browser.get(page)
            assert answer.status_code < 500, page
            assert planted.leaks(answer.getvalue().decode()) == set(), page
            seen |= {page} if answer.status_code == 200 else set()
    assert len(seen) > len(admin.site._registry)


@pytest.mark.parametrize("path", ["/metrics", "/healthz", "/readyz", "/admin/", "/admin/live/"])
def test_no_metric_and_no_first_page_has_one(planted, browser, path):
    answer = browser.get(path)
    assert answer.content
    assert planted.leaks(answer.content.decode()) == set()


def test_no_log_line_has_one_whatever_is_written(planted, log):
    for row in planted.rows.values():
        logging.getLogger("test").warning("%r %s %s", row, row, vars(row))
    assert "Peer" in log.getvalue()
    assert planted.leaks(log.getvalue()) == set()


def test_no_row_and_no_history_has_one(planted):
    out = io.StringIO()
    call_command("dumpdata", stdout=out)
    assert all(str(row.pk) in out.getvalue() for row in planted.rows.values())
    assert planted.leaks(out.getvalue()) == set()


@pytest.mark.django_db(transaction=True)
def test_no_byte_of_the_database_has_one(planted):
    written = stored_bytes()
    assert planted.rows[Peer].name in written
    assert planted.leaks(written) == set()


def wake_everybody(planted: Planted) -> None:
    """Whatever sends a task: an edit, a poll, a rotation, a push, by hand or by REST."""
    polling.request_polls(Node.objects.all())
    changing.disable(planted.boss, planted.rows[Peer])
    Interface.objects.update(condition="drifted")
    rotation.start(Node.objects.all(), planted.boss)


def dump(url: str) -> str:
    """All that the broker holds, and the bodies of messages as text."""
    broker = redis.Redis(unix_socket_path=url.removeprefix("redis+socket://"))
    read = {
        b"list": lambda key: broker.lrange(key, 0, -1),
        b"hash": lambda key: list(broker.hgetall(key).values()),
        b"set": broker.smembers,
        b"zset": lambda key: broker.zrange(key, 0, -1),
        b"string": lambda key: [broker.get(key)],
    }
    held = [it.decode() for key in broker.scan_iter() for it in read[broker.type(key)](key)]
    bodies = [json.loads(it)["body"] for it in held if it.startswith("{")]
    return "".join((*held, *(base64.b64decode(it).decode() for it in bodies)))


@pytest.mark.usefixtures("valkey")
def test_no_message_in_a_real_broker_has_one(planted, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        wake_everybody(planted)
    held = dump(current_app.conf.broker_url)
    assert "nodes.tasks" in held
    assert "reconcile.tasks" in held
    assert planted.leaks(held) == set()


def fail(*args, **kwargs):
    raise RuntimeError(FAULT)


@pytest.fixture(params=[False, True], ids=["production", "DEBUG"])
def debug(request, settings) -> bool:
    settings.DEBUG = request.param
    return request.param


@pytest.fixture
def leaked(log, debug):
    """Tell what leaks from the answer to a fault and from the log, which both say that there was
    one."""

    def leaked(answer, secret: str) -> set[str]:
        assert answer.status_code == 500
        assert FAULT in log.getvalue()
        assert (FAULT in answer.content.decode()) is debug
        return leaks(log.getvalue() + answer.content.decode(), [secret])

    return leaked


def test_a_fault_with_a_nodes_secret_in_hand(leaked, caller, browser, planted, monkeypatch):
    monkeypatch.setattr("keyring.fields.seal", fail)
    secret, node = make_canary(), planted.rows[Node]
    assert leaked(caller.patch(f"/api/v1/nodes/{node.pk}/", {"secret": secret}), secret) == set()
    form = {"name": "fra1", "agent_url": "http://127.0.0.1:2", "weight": "1", "max_peers": "9"}
    page = reverse("admin:nodes_node_change", args=[node.pk])
    assert (
        leaked(browser.post(page, {**form, "enabled": "on", "new_secret": secret}), secret) == set()
    )


def test_a_fault_with_a_peers_key_in_hand(leaked, caller, monkeypatch):
    monkeypatch.setattr("keyring.fields.seal", fail)
    secret = make_key()
    body = {"name": "x", "public_key": make_key(), "preshared_key": secret}
    assert leaked(caller.post("/api/v1/peers/", body), secret) == set()


def test_a_fault_with_an_opened_key_in_hand(leaked, caller, planted, monkeypatch):
    monkeypatch.setattr("peers.configuration.delivery.render", fail)
    answer = caller.get(f"/api/v1/peers/{planted.rows[Peer].pk}/config/")
    for field in ("private_key", "preshared_key"):
        assert leaked(answer, planted.columns[f"peers.Peer.{field}"]) == set()


def test_a_fault_with_a_password_in_hand(leaked, client, browser, monkeypatch):
    monkeypatch.setattr("accounts.throttling.wait", fail)
    client.logout()
    form = {"username": "boss", "password": GOOD_PASSWORD}
    assert leaked(client.post(reverse("admin:login"), form), GOOD_PASSWORD) == set()


def test_a_fault_with_an_api_token_in_hand(leaked, caller, planted, monkeypatch):
    monkeypatch.setattr("accounts.authentication.password_digest", fail)
    assert leaked(caller.get("/api/v1/nodes/"), planted.digested["API token"]) == set()


def test_a_fault_with_the_first_admins_password_in_hand(leaked, client, monkeypatch):
    monkeypatch.setattr("accounts.setup_page.setup_links.spend", fail)
    client.raise_request_exception = False
    link = setup_links.make()
    form = {"username": "boss", "password1": GOOD_PASSWORD, "password2": GOOD_PASSWORD}
    assert leaked(client.post(f"/setup/{link}/", form), GOOD_PASSWORD) == set()
    assert not User.objects.exists()


def test_the_page_of_a_fault_shows_no_password_of_a_service(client, settings, monkeypatch):
    settings.DEBUG, settings.REDIS_URL = True, "redis://:hunter2@192.0.2.1/0"
    monkeypatch.setattr("wgpanel.urls.health.healthz", fail)
    monkeypatch.setattr("wgpanel.content_policy.ContentPolicyMiddleware.__call__", fail)
    client.raise_request_exception = False
    page = client.get("/healthz", headers={"accept": "text/html"}).content.decode()
    assert FAULT in page
    assert "REDIS_URL" in page
    assert "hunter2" not in page
