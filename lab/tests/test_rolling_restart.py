"""An upgrade under load: web and workers are renewed one after the other, and nobody notices."""

import itertools
import threading

import pytest
import requests

from lab import by_panel
from lab.demo import LAB_NETWORKS
from lab.fleet import Fleet
from lab.manage import manage
from lab.rest import Rest
from lab.stack import Stack

pytestmark = pytest.mark.lab
CREATORS, READERS = 2, 3  # who calls a web that is restarted waits for it; the others go on
CREATION_SECONDS = 1.5  # from one to the next: a node has 250 places
READING_SECONDS = 0.25


@pytest.fixture(scope="module")
def stack(tmp_path_factory, unused_tcp_port_factory):
    ports = tuple(unused_tcp_port_factory() for _ in range(3))
    environment = {"WGPANEL_PLAIN_HTTP_NETWORKS": LAB_NETWORKS}
    with Stack(tmp_path_factory.mktemp("stack"), ports, environment) as stack:
        yield stack


@pytest.fixture(scope="module")
def node(stack, tmp_path_factory):
    """One node with an interface of the panel's."""
    rest = Rest(stack.url, stack.state_dir)
    with Fleet(
        tmp_path_factory.mktemp("fleet"), groups=("Europe",), clients=0, by_hand=False
    ) as it:
        (node,) = it.nodes
        rest.enlist(node)
        rest.wait(node, 30, lambda told: told["status"] == "online")
        by_panel.give_interfaces(rest, it)
        yield node


class Load:
    """Clients that create peers one after the other, or read, and note each answer."""

    def __init__(self, stack, node):
        token = manage(stack.state_dir, "create_api_token", "admin").split()[-1]
        self._headers = {"Authorization": f"Token {token}"}
        self._url, self._node = f"{stack.url}/api/v1", node
        self._numbers, self._over = itertools.count(), threading.Event()
        self.created, self.refused, self.reads = [], [], 0

    def __enter__(self):
        self._threads = [threading.Thread(target=self._run, args=(self._create, CREATION_SECONDS))
                         for _ in range(CREATORS)]  # fmt: skip
        self._threads += [threading.Thread(target=self._run, args=(self._read, READING_SECONDS))
                          for _ in range(READERS)]  # fmt: skip
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error):
        self._over.set()
        for thread in self._threads:
            thread.join()

    def during(self, renewal):
        """How many peers were created, and how many pages read, while it lasted."""
        created, reads = len(self.created), self.reads
        renewal()
        return len(self.created) - created, self.reads - reads

    def _run(self, call, pause):
        with requests.Session() as session:
            session.headers.update(self._headers)
            while not self._over.is_set():
                try:
                    call(session)
                except requests.RequestException as error:
                    self.refused.append(str(error))
                self._over.wait(pause)

    def _create(self, session):
        number = next(self._numbers)
        body = {"name": f"rolling-{number}", "node": self._node.name, "keys": "panel"}
        headers = {"Idempotency-Key": f"rolling-{number}"}
        answer = session.post(f"{self._url}/peers/", json=body, headers=headers, timeout=60)
        if answer.status_code == 201:
            self.created.append(answer.json()["public_key"])
        else:
            self.refused.append((answer.status_code, answer.text[:300]))

    def _read(self, session):
        answer = session.get(f"{self._url}/nodes/", timeout=60)
        if answer.status_code == 200:
            self.reads += 1
        else:
            self.refused.append((answer.status_code, answer.text[:300]))


def test_web_and_workers_are_renewed_while_peers_are_created_and_nothing_fails(stack, node):
    with Load(stack, node) as load:
        answered = [load.during(it) for it in (stack.roll_web, stack.roll_workers, stack.roll_web)]
    assert load.refused == []
    assert all(created > 1 and reads > 1 for created, reads in answered), answered
    rest = Rest(stack.url, stack.state_dir)
    by_panel.in_sync(rest, by_panel.interface_of(rest, node)["id"])
    assert set(load.created) <= node.peers()
    manage(stack.state_dir, "fleet_fsck", "--wait", "30")
