"""One machine of the lab: its namespaces, its folder, its addresses in the underlay."""

from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from lab import namespaces, underlay
from lab.instance import Instance
from lab.namespaces import Namespace


@dataclass(frozen=True)
class Host:
    """`position` is its place in the underlay, `folder` its disk."""

    instance: Instance
    name: str
    position: int
    folder: Path

    @property
    def address4(self) -> str:
        return str(self.instance.address4(self.position))

    @property
    def address6(self) -> str:
        return str(self.instance.address6(self.position))

    @property
    def wireguard_folder(self) -> Path:
        """The host's /etc/wireguard."""
        return self.folder / "wireguard"

    @property
    def agent_settings(self) -> Path:
        """Its /etc/wgpanel-agent/agent.toml; there is one as soon as it has joined a panel."""
        return self.folder / "joined" / "agent.toml"

    @property
    def namespace(self) -> Namespace:
        return Namespace.of(self.instance, self.name)

    def prepare_folder(self) -> None:
        """The disk: it outlives the host."""
        self.wireguard_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.new_boot_id()

    def new_boot_id(self) -> None:
        """What the kernel tells as /proc/sys/kernel/random/boot_id until the next boot."""
        (self.folder / "boot_id").write_text(f"{uuid4()}\n")

    def make(self) -> None:
        """Namespaces and cable; raises CommandFailed."""
        self.prepare_folder()
        namespaces.create(self.instance, self.name, self.wireguard_folder, self.folder / "boot_id")
        underlay.plug_in(self.instance, self.name, self.namespace, self.position)
