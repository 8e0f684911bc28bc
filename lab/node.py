"""One WireGuard server of the lab: wg0 in its own /etc/wireguard, and the agent beside it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lab import wireguard
from lab.agent import Agent
from lab.cleanup import kill_members
from lab.host import Host
from lab.identity import Identity
from lab.namespaces import allow_forwarding, forget_run_files
from lab.plan import NodePlan
from lab.wireguard import Configuration, Peer


class Node:
    """A server that can be power-cycled; its agent can be handled alone (`node.agent.kill()`)."""

    def __init__(
        self, plan: NodePlan, host: Host, interfaces: Sequence[str], *, tls: bool = False
    ) -> None:
        self.plan = plan
        self.host = host
        self._speaks_tls = tls
        host.prepare_folder()
        self.identity = Identity.kept_in(self._identity_file)
        self._managed = {"WGPANEL_AGENT_INTERFACES": ",".join(interfaces)}
        self.agent = Agent(host, self.identity, self._managed)

    @property
    def name(self) -> str:
        """For people: `europe-1`."""
        return self.plan.name

    @property
    def public_key(self) -> str:
        return wireguard.public_key(self.identity.private_key)

    def endpoint(self, *, ipv6: bool = False) -> str:
        """Where clients reach wg0."""
        address = f"[{self.host.address6}]" if ipv6 else self.host.address4
        return f"{address}:{wireguard.PORT}"

    @property
    def has_joined(self) -> bool:
        """Whether a panel let it in by a token, in this run or an earlier one."""
        return self.host.agent_settings.exists()

    def take_identity(self, node_id: str, secret: str) -> None:
        """Be, from now on, what a panel made of it; its agent has ended."""
        self.identity = replace(self.identity, node_id=node_id, secret=secret)
        self.identity.keep_in(self._identity_file)
        self.agent = Agent(self.host, self.identity, self._managed)

    @property
    def _identity_file(self) -> Path:
        return self.host.folder / "identity.json"

    def run(self, *words: str, stdin: str = "") -> str:
        """Run a program on this node to its end; raises CommandFailed."""
        return self.host.namespace.run(*words, stdin=stdin)

    def handshakes(self) -> dict[str, int]:
        """Unix time of each peer's latest handshake by public key; 0 if there was none."""
        return wireguard.handshakes(self.host.namespace)

    def peers(self) -> set[str]:
        """The public keys on wg0."""
        return set(self.run("wg", "show", wireguard.INTERFACE, "peers").split())

    def configure(self, peers: Sequence[Peer]) -> None:
        """Write wg0.conf; read at the next power-on."""
        addresses = self.plan.interface_addresses()
        private_key = self.identity.private_key
        configuration = Configuration(private_key, addresses, tuple(peers), wireguard.PORT)
        configuration.write(self.host.wireguard_folder)

    def make(self) -> None:
        """The machine, not yet switched on."""
        self.host.make()
        allow_forwarding(self.host.namespace)
        self.agent.write_secret()
        if self._speaks_tls:
            self.agent.give_certificate()

    def power_on(self) -> None:
        """Boot: wg-quick@wg0 brings wg0 up from its file, if there is one."""
        if (self.host.wireguard_folder / f"{wireguard.INTERFACE}.conf").exists():
            wireguard.bring_up(self.host.namespace)

    def power_off(self) -> None:
        """As if the plug was pulled: nothing gets a chance to say goodbye."""
        kill_members(self.host.instance, self.host.name)
        self.agent.reap()
        wireguard.remove(self.host.namespace)
        forget_run_files(self.host.namespace)
        self.host.new_boot_id()

    def reboot(self) -> None:
        """Power cut, boot, and the agent again."""
        self.power_off()
        self.power_on()
        self.agent.start()
        self.agent.wait_until_healthy()
