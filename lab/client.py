"""One client of one node: its own keys and tunnel, and a ping each second as its traffic."""

import re
import time

from lab import wireguard
from lab.errors import LabError
from lab.host import Host
from lab.node import Node
from lab.plan import ClientPlan
from lab.process import Process
from lab.wireguard import Configuration, Peer

KEEPALIVE_SECONDS = 25
ANSWER_SECONDS = 20.0


class Client:
    """Its keys are made new for each run, or come in a file that somebody delivers."""

    def __init__(self, plan: ClientPlan, host: Host, node: Node) -> None:
        self.plan = plan
        self.host = host
        self.node = node
        self._private_key = wireguard.make_private_key()
        self._preshared_key = wireguard.make_preshared_key()
        self.traffic = self._pinging(plan.node.addresses(1)[0])

    @property
    def public_key(self) -> str:
        return wireguard.public_key(self._private_key)

    @property
    def peer_of_node(self) -> Peer:
        """The [Peer] section that lets this client in."""
        return Peer(self.public_key, self._preshared_key, self.plan.interface_addresses())

    @property
    def has_handshake(self) -> bool:
        """Seen from the node."""
        return self.node.handshakes().get(self.public_key, 0) > 0

    def make(self) -> None:
        """The machine, not yet switched on."""
        self.host.make()

    def configure(self) -> None:
        """Write a wg0.conf by hand; read at the next power-on."""
        self._configuration().write(self.host.wireguard_folder)

    def power_on(self) -> None:
        wireguard.bring_up(self.host.namespace)
        self.traffic.start()

    def take(self, conf: str, target: str) -> None:
        """Install a delivered file, connect, and ping `target` from then on."""
        self._private_key = private_key_in(conf)
        wireguard.write_conf(self.host.wireguard_folder, without_dns(conf))
        self.traffic = self._pinging(target)
        self.power_on()

    def drop(self) -> None:
        """Disconnect: the tunnel is gone."""
        self.traffic.stop()
        self.host.namespace.run("wg-quick", "down", wireguard.INTERFACE)

    def pings(self, target: str, count: int = 1, interval: float = 0.2) -> int:
        """Return how many of `count` pings were answered within 2 s; none where no route leads."""
        words = ("ping", "-n", "-q", "-c", f"{count}", "-i", f"{interval}", "-W", "2", target)
        patience = count * max(interval, 0.2) + 10
        told = self.host.namespace.run(
            "sh", "-c", f"{' '.join(words)} || true", timeout_seconds=patience
        )
        found = re.search(r"(\d+) received", told)
        return int(found[1]) if found else 0

    def wait_for_answer(self, target: str) -> None:
        """Until a ping is answered: a handshake that came before its peer did is tried again after
        5 s. Raises LabError."""
        deadline = time.monotonic() + ANSWER_SECONDS
        while not self.pings(target):
            if time.monotonic() > deadline:
                raise LabError(f"{target} does not answer within {ANSWER_SECONDS:g} s")

    def _pinging(self, target: str) -> Process:
        ping = self.host.namespace.words("ping", "-n", "-q", "-i", "1", target)
        return Process(ping, self.host.folder / "ping.log")

    def _configuration(self) -> Configuration:
        plan = self.plan
        server = Peer(
            self.node.public_key,
            self._preshared_key,
            (str(plan.node.pool4), str(plan.node.pool6)),
            self.node.endpoint(ipv6=plan.uses_ipv6),
            KEEPALIVE_SECONDS,
        )
        return Configuration(self._private_key, plan.interface_addresses(), (server,))


def private_key_in(conf: str) -> str:
    """Return the PrivateKey of a client's file; raises LabError if it has none."""
    found = re.search(r"^PrivateKey = (\S+)$", conf, re.MULTILINE)
    if found is None:
        raise LabError("the delivered file has no private key")
    return found[1]


def without_dns(conf: str) -> str:
    """A client of the lab shares the machine's resolver, which is not the tunnel's to set."""
    return re.sub(r"^DNS = .*\n", "", conf, flags=re.MULTILINE)
