"""One host = one network namespace and one mount namespace, entered with nsenter."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.command import run
from lab.instance import Instance

HELD_NETWORKS = Path("/run/netns")  # where iproute2 keeps named network namespaces
TMPFS = ("mount", "-t", "tmpfs", "-o", "mode=0755,nosuid,nodev,size=8m", "tmpfs")
BOOT_ID = "/proc/sys/kernel/random/boot_id"


@dataclass(frozen=True)
class Namespace:
    """The two namespaces of one host."""

    name: str
    mounts: Path

    @classmethod
    def of(cls, instance: Instance, host: str) -> "Namespace":
        return cls(instance.namespace(host), instance.directory / host)

    @property
    def network(self) -> Path:
        return HELD_NETWORKS / self.name

    def words(self, *words: str) -> tuple[str, ...]:
        """The command line that runs `words` on this host."""
        return ("nsenter", f"--mount={self.mounts}", f"--net={self.network}", "--", *words)

    def run(self, *words: str, stdin: str = "", timeout_seconds: float = 20.0) -> str:
        """Run a program on this host to its end; raises CommandFailed."""
        return run(self.words(*words), stdin=stdin, timeout_seconds=timeout_seconds)


def open_directory(instance: Instance) -> None:
    """Mount namespaces can be held open only below a private mount; ours is a tmpfs."""
    directory = str(instance.directory)
    instance.directory.mkdir(mode=0o700, exist_ok=True)
    run([*TMPFS, directory])
    run(["mount", "--make-private", directory])


def create(instance: Instance, host: str, wireguard: Path, boot_id: Path) -> Namespace:
    """A host with its own network, /run, /etc/wireguard (the folder given) and boot id."""
    namespace = Namespace.of(instance, host)
    namespace.mounts.touch(mode=0o600)
    run(["ip", "netns", "add", namespace.name])
    _unshare_mounts(namespace)
    namespace.run("mount", "--bind", str(wireguard), "/etc/wireguard")
    namespace.run("mount", "-t", "sysfs", "sysfs", "/sys")  # its own /sys/class/net
    namespace.run("mount", "--bind", str(boot_id), BOOT_ID)
    return namespace


def _unshare_mounts(namespace: Namespace) -> None:
    """Slave: mounts made here stay here, unmounts of the machine still arrive."""
    unshare: Sequence[str] = ("unshare", f"--mount={namespace.mounts}", "--propagation", "slave")
    run(["nsenter", f"--net={namespace.network}", "--", *unshare, *TMPFS, "/run"])


def forget_run_files(namespace: Namespace) -> None:
    """What a reboot does to /run: sockets and pid files are gone."""
    namespace.run("umount", "/run")
    namespace.run(*TMPFS, "/run")


def allow_forwarding(namespace: Namespace) -> None:
    """Let packets pass between interfaces, as on any VPN server."""
    for switch in ("ipv4/ip_forward", "ipv6/conf/all/forwarding"):
        namespace.run("tee", f"/proc/sys/net/{switch}", stdin="1\n")
