"""One client of one node: its own keys and tunnel, and a ping each second as its traffic."""

from lab import wireguard
from lab.host import Host
from lab.node import Node
from lab.plan import ClientPlan
from lab.process import Process
from lab.wireguard import Configuration, Peer

KEEPALIVE_SECONDS = 25


class Client:
    """Keys are made new for each run."""

    def __init__(self, plan: ClientPlan, host: Host, node: Node) -> None:
        self.plan = plan
        self.host = host
        self.node = node
        self._private_key = wireguard.make_private_key()
        self._preshared_key = wireguard.make_preshared_key()
        target, _ = plan.node.addresses(1)
        ping = host.namespace.words("ping", "-n", "-q", "-i", "1", target)
        self.traffic = Process(ping, host.folder / "ping.log")

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
        """The machine with its wg0.conf, not yet switched on."""
        self.host.make()
        self._configuration().write(self.host.wireguard_folder)

    def power_on(self) -> None:
        wireguard.bring_up(self.host.namespace)
        self.traffic.start()

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
