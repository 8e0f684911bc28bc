"""Agents that die, hang and come back at random, for a minute here and ten in `make soak`.

The seed is printed; SOAK_SEED runs the same faults again.
"""

import datetime as dt
import os
import random
import time

import psutil
import pytest
import redis

from wgpanel import embedded

pytestmark = pytest.mark.lab

SECONDS = 600 if os.environ.get("SOAK") else 60
INTERVAL_SECONDS = 15
# two intervals, the tick and the poll
OLDEST_REPORT_SECONDS = 2 * INTERVAL_SECONDS + 5
HEAL_SECONDS = 30
MOST_GROWTH_BYTES = 50_000_000


def break_or_mend(agent, chance):
    """Do to the agent one of the things that are possible in its present state."""
    if not agent.is_running:
        return agent.start()
    return chance.choice([agent.kill, agent.freeze, agent.thaw, agent.thaw])()


def report_age(node):
    reported_at = dt.datetime.fromisoformat(node["reported_at"])
    return (dt.datetime.now(dt.UTC) - reported_at).total_seconds()


def memory(panel):
    """Resident bytes of the panel's processes."""
    found = 0
    for process in psutil.process_iter(["cmdline"]):
        if any(word in ("celery", "gunicorn") for word in process.info["cmdline"] or ()):
            try:
                if process.environ().get("WGPANEL_STATE_DIR") == str(panel.state_dir):
                    found += process.memory_info().rss
            except psutil.Error:
                continue
    return found


def waiting_tasks(panel):
    broker = redis.Redis(unix_socket_path=str(embedded.socket_path(panel.state_dir)))
    return broker.llen("poll")


def test_the_sound_nodes_stay_online_while_others_break_and_all_heal(panel, rest, nodes):
    seed = int(os.environ.get("SOAK_SEED", time.time()))
    print(f"SOAK_SEED={seed} for {SECONDS} s")  # noqa: T201
    chance = random.Random(seed)
    sound, *sick = nodes
    before, end = memory(panel), time.monotonic() + SECONDS
    while time.monotonic() < end:
        break_or_mend(chance.choice(sick).agent, chance)
        time.sleep(chance.uniform(0.5, 4))
        told = rest.node(sound)
        assert (told["status"], told["failures"]) == ("online", 0)
        assert report_age(told) < OLDEST_REPORT_SECONDS
    heal(sick, rest)
    assert memory(panel) - before < MOST_GROWTH_BYTES
    assert waiting_tasks(panel) <= 1


def heal(sick, rest):
    for node in sick:
        if not node.agent.is_running:
            node.agent.start()
        node.agent.thaw()
        node.agent.wait_until_healthy()
    rest.call("POST", "nodes/poll/", {"ids": [n.identity.node_id for n in sick]}, status=202)
    for node in sick:
        rest.wait(
            node, HEAL_SECONDS, lambda told: (told["status"], told["failures"]) == ("online", 0)
        )
