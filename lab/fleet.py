"""A whole fleet: a context manager that leaves nothing but its folder behind."""

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from lab import capability, namespaces, underlay
from lab.cleanup import sweep, sweep_dead
from lab.client import Client
from lab.errors import LabError
from lab.host import Host
from lab.instance import Instance, claim
from lab.node import Node
from lab.orphans import adopted
from lab.plan import plan_fleet
from lab.record import Record
from lab.undisturbed import undisturbed
from lab.wireguard import INTERFACE

THREADS = 8
HANDSHAKE_SECONDS = 20.0


class Fleet:
    """One node for each entry of `groups`, `clients` spread over them.

    `directory` keeps logs, confs and the nodes' identities; started again in the same directory,
    it is the same fleet after a power cut. Without `agents` only WireGuard runs; unless `by_hand`
    the servers have an agent and nothing else, and the clients wait for a file: a panel's work.
    With `tls` the agents have certificates of their own.
    """

    def __init__(
        self,
        directory: Path,
        *,
        groups: Sequence[str] = ("lab",),
        clients: int = 0,
        agents: bool = True,
        by_hand: bool = True,
        tls: bool = False,
    ) -> None:
        self.directory = directory.resolve()
        self.plan = plan_fleet(groups, clients)
        self.nodes: list[Node] = []
        self.clients: list[Client] = []
        self._has_agents = agents
        self._by_hand = by_hand
        self._speaks_tls = tls
        self._record = Record(self.directory)
        self._undo = ExitStack()

    def __enter__(self) -> "Fleet":
        if reason := capability.why_not():
            raise LabError(reason)
        with ExitStack() as undo:
            self._open(undo)
            self._undo = undo.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._undo.close()

    def node(self, name: str) -> Node:
        """By its name (`europe-1`) or its host (`n1`)."""
        for node in self.nodes:
            if name in (node.name, node.host.name):
                return node
        raise LabError(f"no node {name} in this fleet")

    def one_more_host(self, name: str) -> Host:
        """A machine beside nodes and clients, at the first free place; gone with the fleet."""
        position = self.plan.first_free_position
        return Host(self.nodes[0].host.instance, name, position, self.directory / name)

    def note_down(self) -> None:
        """Write who the nodes are, for whoever asks from elsewhere."""
        self._record.write(self.nodes[0].host.instance, self)

    def wait_for_handshakes(self) -> None:
        """Until each client has shaken hands with its node; raises LabError after 20 s."""
        deadline = time.monotonic() + HANDSHAKE_SECONDS
        while waiting := [client for client in self.clients if not client.has_handshake]:
            if time.monotonic() > deadline:
                names = ", ".join(client.host.name for client in waiting)
                raise LabError(f"no handshake of {names} after {HANDSHAKE_SECONDS:g} s")
            time.sleep(0.1)

    def _open(self, undo: ExitStack) -> None:
        sweep_dead()
        undo.enter_context(adopted())
        instance = undo.enter_context(claim()).instance
        undo.enter_context(self._record.opened(instance))
        self._assemble(instance)
        undo.callback(self._close, instance)
        self._make(instance)
        self._switch_on()
        self.note_down()

    def _assemble(self, instance: Instance) -> None:
        def host(name: str) -> Host:
            return Host(instance, name, self.plan.position(name), self.directory / name)

        interfaces = (INTERFACE,) if self._by_hand else ()
        self.nodes = [
            Node(plan, host(plan.host), interfaces, tls=self._speaks_tls)
            for plan in self.plan.nodes
        ]
        by_plan = {node.plan: node for node in self.nodes}
        self.clients = [
            Client(plan, host(plan.host), by_plan[plan.node]) for plan in self.plan.clients
        ]

    def _make(self, instance: Instance) -> None:
        namespaces.open_directory(instance)
        underlay.raise_bridge(instance)
        _together([node.make for node in self.nodes] + [client.make for client in self.clients])

    def _switch_on(self) -> None:
        if self._by_hand:
            self._set_up_by_hand()
        if self._has_agents:
            _together([node.agent.start for node in self.nodes])
        if self._by_hand:
            _together([client.power_on for client in self.clients])
        if self._has_agents:
            _together([node.agent.wait_until_healthy for node in self.nodes])

    def _set_up_by_hand(self) -> None:
        for client in self.clients:
            client.configure()
        for node in self.nodes:
            node.configure([c.peer_of_node for c in self.clients if c.node is node])
        _together([node.power_on for node in self.nodes])

    def _close(self, instance: Instance) -> None:
        with undisturbed():
            sweep(instance)
            for process in (*(n.agent for n in self.nodes), *(c.traffic for c in self.clients)):
                process.reap()


def _together(acts: Iterable[Callable[[], None]]) -> None:
    """All at once; ends when all have ended and raises what the first of them raised."""
    with ThreadPoolExecutor(THREADS) as pool:
        for future in [pool.submit(act) for act in acts]:
            future.result()
