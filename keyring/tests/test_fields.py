"""A secret on a row: sealed in the database, masked everywhere in Python, bound to its row."""

import copy
import io
import json
import pickle
import secrets
import uuid

import pytest
from django.core.management import call_command
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, transaction
from django.forms.models import model_to_dict
from django.views.debug import ExceptionReporter

from keyring.fields import MASK, Secret
from keyring.sealing import SecretLocked
from nodes.models import Node
from nodes.tests.builders import make_node

CANARY = "canary-" + secrets.token_hex(24)
BAD_KEY = "not base64 of 32 bytes"
pytestmark = pytest.mark.django_db


@pytest.fixture
def node() -> Node:
    return make_node(secret=CANARY)


def stored(node: Node) -> str:
    """Return the column as it lies in the database."""
    with connection.cursor() as cursor:
        key = node.pk.hex if connection.vendor == "sqlite" else node.pk
        cursor.execute("SELECT secret FROM nodes_node WHERE id = %s", [key])
        return cursor.fetchone()[0]


def test_the_database_has_the_sealed_text_only(node):
    assert stored(node).startswith("v1.")
    assert CANARY not in stored(node)


def test_reveal_gives_the_text_of_a_row_read_anew(node):
    assert Node.objects.get(pk=node.pk).secret.reveal() == CANARY


def test_a_row_read_without_the_column_fetches_it_when_asked(node):
    assert Node.objects.defer("secret").get(pk=node.pk).secret.reveal() == CANARY


@pytest.mark.parametrize(
    "view",
    [
        str,
        repr,
        "{}".format,
        "{!r}".format,
        "%s".__mod__,
        "%r".__mod__,
        lambda secret: f"{secret}",
        lambda secret: str([secret]),
        lambda secret: str({"secret": secret}),
    ],
)
def test_every_way_to_text_is_masked(node, view):
    for secret in (node.secret, Node.objects.get(pk=node.pk).secret):
        assert MASK in view(secret)
        assert CANARY not in view(secret)


@pytest.mark.parametrize("encoder", [json.JSONEncoder, DjangoJSONEncoder])
def test_a_secret_does_not_become_json(node, encoder):
    with pytest.raises(TypeError):
        json.dumps({"secret": node.secret}, cls=encoder)


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_has_the_sealed_text_and_still_opens(protocol):
    node = Node(name="n", secret=CANARY)
    for original in (node.secret, node):
        pickled = pickle.dumps(original, protocol)
        assert CANARY.encode() not in pickled
    assert pickle.loads(pickle.dumps(node)).secret.reveal() == CANARY  # noqa: S301


@pytest.mark.parametrize("make_copy", [copy.copy, copy.deepcopy])
def test_a_copy_is_masked_and_still_opens(node, make_copy):
    copied = make_copy(node.secret)
    assert str(copied) == MASK
    assert make_copy(node).secret.reveal() == copied.reveal() == CANARY


def test_a_dictionary_of_the_row_has_no_plaintext(node):
    fields = [field.name for field in Node._meta.fields]
    assert CANARY not in str(model_to_dict(node, fields=fields))
    assert CANARY not in str(Node.objects.filter(pk=node.pk).values().get())


def test_dumpdata_writes_the_sealed_text_and_loaddata_takes_it_back(node, tmp_path):
    out = io.StringIO()
    call_command("dumpdata", "nodes", stdout=out)
    assert CANARY not in out.getvalue()
    (fixture := tmp_path / "nodes.json").write_text(out.getvalue())
    Node.objects.all().delete()
    call_command("loaddata", str(fixture), verbosity=0)
    assert Node.objects.get().secret.reveal() == CANARY


def test_dumpdata_of_a_row_that_was_not_saved_yet_is_sealed_too():
    unsaved = Node(name="n", secret=CANARY)
    assert Node._meta.get_field("secret").value_to_string(unsaved).startswith("v1.")


def test_the_history_has_no_column_for_it(node):
    columns = [field.name for field in Node.history.model._meta.fields]
    assert "secret" not in columns
    assert CANARY not in str(node.history.values())


def test_the_error_page_for_operators_shows_no_plaintext(settings, rf):
    settings.DEBUG = False
    settings.WGPANEL_FIELD_KEYS = (BAD_KEY,)
    try:
        Node(name="n", secret=CANARY).secret.seal()
    except ValueError as error:
        reporter = ExceptionReporter(rf.get("/"), type(error), error, error.__traceback__)
        page = reporter.get_traceback_html() + reporter.get_traceback_text()
    assert "in seal" in page
    assert CANARY not in page
    assert BAD_KEY not in page


def test_a_text_copied_to_another_row_does_not_open(node):
    other = make_node()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE nodes_node SET secret = %s", [stored(node)])
    with pytest.raises(SecretLocked):
        Node.objects.get(pk=other.pk).secret.reveal()


def test_a_row_whose_key_is_lost_is_readable_and_can_be_saved(node, settings):
    settings.WGPANEL_FIELD_KEYS = ("A" * 43 + "=",)
    locked = Node.objects.get(pk=node.pk)
    locked.name = "renamed"
    locked.full_clean()
    locked.save()
    with pytest.raises(SecretLocked):
        Node.objects.get(name="renamed").secret.reveal()


def test_a_secret_given_before_the_row_has_its_key_is_bound_to_the_final_key():
    node = Node(pk=uuid.uuid4(), name="n", agent_url="http://127.0.0.1:1", secret=CANARY)
    node.save()
    assert Node.objects.get(pk=node.pk).secret.reveal() == CANARY


def test_a_copied_row_has_a_secret_of_its_own(node):
    node.pk, node.name = uuid.uuid4(), "copy"
    node.save(force_insert=True)
    texts = {stored(row) for row in Node.objects.all()}
    assert len(texts) == 2
    assert {row.secret.reveal() for row in Node.objects.all()} == {CANARY}


def test_many_rows_at_once_are_sealed(node):
    rows = [Node(name=f"n{n}", agent_url="http://127.0.0.1:1", secret=CANARY) for n in range(3)]
    Node.objects.bulk_create(rows)
    node.secret = CANARY + "2"
    Node.objects.bulk_update([node], ["secret"])
    assert all(stored(row).startswith("v1.") for row in (*rows, node))
    assert Node.objects.get(pk=node.pk).secret.reveal() == CANARY + "2"


def test_a_query_cannot_write_plaintext(node):
    with pytest.raises(TypeError, match="through an instance"), transaction.atomic():
        Node.objects.update(secret=CANARY)
    assert stored(node).startswith("v1.")


def test_a_query_cannot_search_for_a_secret(node):
    with pytest.raises(TypeError, match="not searched for"):
        Node.objects.filter(secret=CANARY).exists()


@pytest.mark.parametrize("empty", ["", None])
def test_an_empty_secret_is_none(empty):
    assert make_node(secret=empty).secret is None
    assert Node.objects.filter(secret=None).count() == 1


def test_a_new_secret_replaces_the_old_one(node):
    node.secret = CANARY + "new"
    node.save(update_fields=["secret"])
    assert Node.objects.get(pk=node.pk).secret.reveal() == CANARY + "new"


def test_a_secret_knows_its_place():
    assert Secret("here", plaintext="x").at("here").reveal() == "x"
    with pytest.raises(SecretLocked):
        Secret("there", sealed=Secret("here", plaintext="x").seal()).reveal()
