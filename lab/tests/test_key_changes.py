"""A node that is asked over TLS changes its key and its certificate, and no poll fails for it."""

import threading
from contextlib import contextmanager

import pytest
from wgpanel_agent.joining.certificate import make, pin_of_file
from wgpanel_agent.tls import FOLDER

from lab.manage import manage

pytestmark = pytest.mark.lab
COUNT = (
    "from nodes.models import PollCount as P; print([(p.ok, p.failed) for p in P.objects.all()])"
)
SECONDS = 30
VERDICT_SECONDS = 45  # a failing node keeps its last verdict for 40 s


def polls(panel) -> tuple[int, int]:
    """How many went well, and how many did not."""
    counted = manage(panel.state_dir, "shell", "--no-imports", "-c", COUNT).strip()
    minutes = [tuple(map(int, it.split(", "))) for it in counted[2:-2].split("), (")]
    return sum(ok for ok, _ in minutes), sum(failed for _, failed in minutes)


@contextmanager
def polled_without_end(rest, nodes):
    """Ask for the next poll as soon as the last one was asked for; yield the states seen."""
    ended, seen = threading.Event(), set()

    def ask():
        while not ended.wait(0.05):
            rest.call("POST", "nodes/poll/", {"ids": [it.identity.node_id for it in nodes]}, 202)
            seen.add(rest.node(nodes[0])["status"])

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield seen
    finally:
        ended.set()
        thread.join()


def test_a_key_is_rotated_under_load_of_polls_and_none_fails(panel, rest, nodes):
    node = nodes[0]
    path = f"nodes/{node.identity.node_id}/"
    ok, failed = polls(panel)
    with polled_without_end(rest, nodes) as seen:
        for _ in range(3):
            before = rest.node(node)["key_since"]
            rest.call("POST", f"{path}rotate-key/", {"retire_now": True}, 202)
            told = rest.wait(
                node,
                SECONDS,
                lambda it, before=before: not it["rotation_step"] and it["key_since"] != before,
            )
            assert told["rotation_problem"] == ""
    assert seen == {"online"}
    now_ok, now_failed = polls(panel)
    assert now_ok > ok + 10
    assert now_failed == failed


def test_a_certificate_is_changed_by_its_next_pin(rest, nodes, tmp_path):
    node = nodes[1]
    make(tmp_path)
    before, following = node.agent.pin, pin_of_file(tmp_path / "agent.crt")
    path = f"nodes/{node.identity.node_id}/"
    rest.call("PATCH", path, {"next_tls_pin": following})
    told = rest.wait(node, SECONDS, lambda told: told["status"] == "online")
    assert (told["tls_pin"], told["next_tls_pin"]) == (before, following)
    node.agent.stop()
    make_current(node, tmp_path)
    node.agent.start()
    node.agent.wait_until_healthy()
    rest.call("POST", f"{path}poll/", status=202)
    told = rest.wait(node, SECONDS, lambda told: told["tls_pin"] == following)
    assert told["next_tls_pin"] == ""
    assert rest.wait(node, SECONDS, lambda told: told["status"] == "online")


def test_a_certificate_that_nobody_announced_is_the_state_identity_mismatch(rest, nodes, tmp_path):
    node = nodes[2]
    make(tmp_path)
    node.agent.stop()
    make_current(node, tmp_path)
    node.agent.start()
    node.agent.wait_until_healthy()
    told = rest.wait(node, VERDICT_SECONDS, lambda told: told["status"] == "identity_mismatch")
    assert "Another certificate" in told["status_reason"]


def make_current(node, folder) -> None:
    """Put key and certificate where its agent finds them."""
    for file in folder.iterdir():
        file.replace(node.host.folder / "agent" / FOLDER / file.name)
