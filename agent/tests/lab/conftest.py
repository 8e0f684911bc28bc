"""Real WireGuard: a network and mount namespace for each test, and wireguard-go in it.

The test's own thread enters the namespaces, so that the code under test runs there unchanged.
Everything dies with the test run, even if that is killed; what stays is an empty named network
namespace, which the next run removes.
"""

import ctypes
import itertools
import json
import os
import shutil
import socket
import subprocess
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from wgpanel_agent.desired.apply import Applier
from wgpanel_agent.documents import PeerPart, fingerprint_key, preshared_key_fingerprint
from wgpanel_agent.host.system import Machine
from wgpanel_agent.host.wireguard import WireGuard
from wgpanel_agent.reporting.snapshot import Pace, Sampler

PREFIX = "wgpanel-lab-agent-"
PROGRAMS = ("ip", "nft", "nsenter", "unshare", "setpriv", "wg", "wg-quick", "wireguard-go")
CLONE_FS, CLONE_NEWNS, CLONE_NEWNET = 0x200, 0x20000, 0x40000000
PORT = 51820

libc = ctypes.CDLL(None, use_errno=True)
numbers = itertools.count()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker("lab")


def pytest_runtest_setup(item: pytest.Item) -> None:
    lacking = [name for name in PROGRAMS if not shutil.which(name)]
    if os.geteuid() != 0:
        lacking.append("root")
    if not lacking:
        return
    reason = f"real WireGuard needs {', '.join(lacking)}"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def public_key() -> str:
    """Of nobody: any 32 bytes are one."""
    return b64encode(os.urandom(32)).decode()


def call(*words: str, stdin: str = "") -> str:
    done = subprocess.run(words, input=stdin, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{words}: {done.stderr}"
    return done.stdout


def namespaces_of(process: object) -> dict[int, int]:
    """Open files of its mount and network namespaces, by kind."""
    folder = Path(f"/proc/{process}/ns")
    kinds = {CLONE_NEWNS: "mnt", CLONE_NEWNET: "net"}
    return {kind: os.open(folder / name, os.O_RDONLY) for kind, name in kinds.items()}


def enter(namespaces: Mapping[int, int]) -> None:
    libc.unshare(CLONE_FS)  # a thread that shares its folder may not change its mounts
    for kind, fd in namespaces.items():
        if libc.setns(fd, kind):
            raise OSError(ctypes.get_errno(), "cannot enter a namespace")
        os.close(fd)


class Box:
    """One machine: an own network, an own /run/wireguard and /etc/wireguard."""

    def __init__(self, folder: Path) -> None:
        self.name = f"{PREFIX}{os.getpid()}-{next(numbers)}"
        self.configs = folder / "etc-wireguard"
        self.configs.mkdir(mode=0o700)
        self.children: dict[str, subprocess.Popen[bytes]] = {}
        call("ip", "netns", "add", self.name)
        self._hold()
        self._wait_for(
            lambda: os.readlink(f"/proc/{self.pid}/ns/mnt") != os.readlink("/proc/self/ns/mnt")
        )
        self.run("mount", "-t", "tmpfs", "tmpfs", "/run/wireguard")
        self.run("mount", "--bind", str(self.configs), "/etc/wireguard")
        self.run("ip", "link", "set", "lo", "up")

    def _hold(self) -> None:
        Path("/run/wireguard").mkdir(exist_ok=True)
        words = ("unshare", "--mount", "--propagation", "slave", "sleep", "infinity")
        self.start("holder", "nsenter", f"--net=/run/netns/{self.name}", "--", *words)
        self.pid = self.children["holder"].pid

    def start(self, label: str, *words: str, **options: Any) -> subprocess.Popen[bytes]:
        """A child that dies with us."""
        silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL} | options
        self.children[label] = subprocess.Popen(
            ("setpriv", "--pdeathsig", "KILL", *words), **silent
        )
        return self.children[label]

    def inside(self, *words: str) -> tuple[str, ...]:
        return (
            "nsenter",
            f"--net=/proc/{self.pid}/ns/net",
            f"--mount=/proc/{self.pid}/ns/mnt",
            "--",
            *words,
        )

    def run(self, *words: str, stdin: str = "") -> str:
        return call(*self.inside(*words), stdin=stdin)

    def add_interface(self, name: str = "wg0", port: int = PORT) -> str:
        """With a fresh key; returns the public one."""
        go = self.inside("env", "LOG_LEVEL=silent", "GOMAXPROCS=1", "wireguard-go", "-f", name)
        self.start(name, *go)
        self._wait_for(lambda: self.has(name))
        private = call("wg", "genkey").strip()
        section = f"[Interface]\nPrivateKey = {private}\nListenPort = {port}\n"
        self.run("wg", "setconf", name, "/dev/stdin", stdin=section)
        self.run("ip", "link", "set", name, "up")
        return call("wg", "pubkey", stdin=private).strip()

    def add_client(self, number: int) -> str:
        """Another interface, which keeps up a session with wg0; returns its public key."""
        name = f"client{number}"
        public_key = self.add_interface(name, PORT + 1 + number)
        server = (
            f"[Peer]\nPublicKey = {self.settings()[1]}\nEndpoint = 127.0.0.1:{PORT}\n"
            "PersistentKeepalive = 1\nAllowedIPs = 0.0.0.0/0\n"
        )
        self.run("wg", "addconf", name, "/dev/stdin", stdin=server)
        return public_key

    def has(self, name: str) -> bool:
        """Whether it answers. Not asked through `wg`, which deletes a socket that is bound but
        does not listen yet."""
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(f"/proc/{self.pid}/root/run/wireguard/{name}.sock") == 0

    def remove_interface(self, name: str) -> None:
        self.stop(name)
        self._wait_for(lambda: not self.has(name))

    def add_peers(self, peers: Sequence[PeerPart], name: str = "wg0") -> None:
        """Behind the agent's back."""
        sections = [
            f"[Peer]\nPublicKey = {peer.public_key}\n"
            + (f"AllowedIPs = {', '.join(peer.allowed_ips)}\n" if peer.allowed_ips else "")
            + (f"PresharedKey = {peer.preshared_key}\n" if peer.preshared_key else "")
            + (f"PersistentKeepalive = {peer.keepalive}\n" if peer.keepalive else "")
            for peer in peers
        ]
        self.run("wg", "addconf", name, "/dev/stdin", stdin="".join(sections))

    def peers(self, name: str = "wg0") -> dict[str, list[str]]:
        """The dump's columns after the key, as `wg` prints them."""
        lines = self.run("wg", "show", name, "dump").splitlines()[1:]
        return {words[0]: words[1:] for words in (line.split("\t") for line in lines)}

    def settings(self, name: str = "wg0") -> list[str]:
        """Private key, public key, port and mark."""
        return self.run("wg", "show", name, "dump").splitlines()[0].split("\t")

    def stop(self, label: str) -> None:
        child = self.children.pop(label)
        child.kill()
        child.wait()

    def links(self) -> list[str]:
        """All but the loopback."""
        return [it for it in links_in(self.name) if it != "lo"]

    def close(self) -> None:
        for label in reversed(list(self.children)):
            self.stop(label)
        empty(self.name)
        call("ip", "netns", "delete", self.name)

    @staticmethod
    def _wait_for(condition: Any) -> None:
        deadline = time.monotonic() + 10
        while not condition():
            assert time.monotonic() < deadline, "the machine did not come up"
            time.sleep(0.005)


def links_in(namespace: str) -> list[str]:
    shown = json.loads(call("ip", "-netns", namespace, "-json", "link", "show"))
    return [link["ifname"] for link in shown]


def empty(namespace: str) -> None:
    """A wireguard-go that wg-quick has started ends with its interface."""
    for name in links_in(namespace):
        if name != "lo":
            call("ip", "-netns", namespace, "link", "delete", "dev", name)


def connect(one: "Box", other: "Box", number: int) -> None:
    """A cable: `eth<number>` at both ends, addresses .1 and .2 in 198.18.<number>.0/24 and
    fd18:<number>::/64."""
    name = f"eth{number}"
    peer = ("peer", "name", name, "netns", other.name)
    call("ip", "link", "add", name, "netns", one.name, "type", "veth", *peer)
    for position, end in enumerate((one, other), 1):
        end.run("ip", "address", "add", f"198.18.{number}.{position}/24", "dev", name)
        end.run("ip", "address", "add", f"fd18:{number}::{position}/64", "dev", name, "nodad")
        end.run("ip", "link", "set", "dev", name, "up")


def remove_leftovers() -> None:
    held = Path("/run/netns")
    for name in os.listdir(held) if held.exists() else ():
        owner = name.removeprefix(PREFIX).partition("-")[0]
        if name.startswith(PREFIX) and owner.isdecimal() and not Path("/proc", owner).exists():
            empty(name)
            call("ip", "netns", "delete", name)


@pytest.fixture(scope="session")
def _swept() -> None:
    remove_leftovers()


@contextmanager
def machine(folder: Path) -> Iterator[Box]:
    """An empty one."""
    folder.mkdir(exist_ok=True)
    fresh = Box(folder)
    try:
        yield fresh
    finally:
        fresh.close()


@contextmanager
def entered(box: Box) -> Iterator[None]:
    """This thread, and what it starts, are there."""
    folder, home = os.getcwd(), namespaces_of("thread-self")
    enter(namespaces_of(box.pid))
    try:
        yield
    finally:
        enter(home)
        os.chdir(folder)


@pytest.fixture
def box(tmp_path: Path, _swept: None) -> Iterator[Box]:
    """A machine with wg0, entered by this thread."""
    with machine(tmp_path) as fresh:
        fresh.add_interface()
        with entered(fresh):
            yield fresh


@pytest.fixture
def bare(tmp_path: Path, _swept: None) -> Iterator[Box]:
    """A machine without WireGuard, entered by this thread."""
    with machine(tmp_path) as fresh, entered(fresh):
        yield fresh


@dataclass
class Site:
    """A client, the node in the middle, and a host behind it that knows the node's cable only."""

    node: Box
    client: Box
    behind: Box


@pytest.fixture
def site(tmp_path: Path, _swept: None) -> Iterator[Site]:
    """Cabled over eth1 and eth2; this thread is on the node."""
    with (
        machine(tmp_path) as node,
        machine(tmp_path / "client") as client,
        machine(tmp_path / "behind") as behind,
    ):
        connect(node, client, 1)
        connect(node, behind, 2)
        with entered(node):
            yield Site(node, client, behind)


def fingerprint(public_key: str, preshared_key: str) -> str:
    return preshared_key_fingerprint(fingerprint_key("lab", b"s" * 32), public_key, preshared_key)


@pytest.fixture
def wireguard(box: Box) -> WireGuard:
    return WireGuard(fingerprint)


@pytest.fixture
def wireguard_alone() -> WireGuard:
    """For a machine that a test has made itself."""
    return WireGuard(fingerprint)


@pytest.fixture
def sampler(wireguard: WireGuard) -> Sampler:
    """It manages wg0 and looks only when told to."""
    return Sampler(wireguard, Machine(), ("wg0",), Pace())


@pytest.fixture
def applier(wireguard: WireGuard, sampler: Sampler, box: Box) -> Applier:
    return Applier(wireguard, sampler, observe_seconds=lambda _: None)


@pytest.fixture
def make_peer() -> Callable[..., PeerPart]:
    hosts = itertools.count(2)

    def make(**fields: Any) -> PeerPart:
        host = next(hosts)
        defaults = {
            "public_key": public_key(),
            "allowed_ips": (f"10.9.{host >> 8}.{host & 255}/32",),
        }
        return PeerPart(**{**defaults, **fields})

    return make
