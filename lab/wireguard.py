"""WireGuard as a server's owner would set it up: keys, wg0.conf, wg-quick."""

from base64 import b64decode, b64encode
from dataclasses import dataclass
from pathlib import Path
from secrets import token_bytes

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from lab.errors import CommandFailed
from lab.namespaces import Namespace

INTERFACE = "wg0"
PORT = 51820
MTU = 1420


def make_private_key() -> str:
    """A Curve25519 private key in base64, as `wg genkey` prints it."""
    return b64encode(X25519PrivateKey.generate().private_bytes_raw()).decode()


def public_key(private_key: str) -> str:
    """What `wg pubkey` answers."""
    key = X25519PrivateKey.from_private_bytes(b64decode(private_key))
    return b64encode(key.public_key().public_bytes_raw()).decode()


def make_preshared_key() -> str:
    """What `wg genpsk` prints."""
    return b64encode(token_bytes(32)).decode()


@dataclass(frozen=True)
class Peer:
    """One [Peer] section."""

    public_key: str
    preshared_key: str
    allowed_ips: tuple[str, ...]
    endpoint: str = ""
    keepalive_seconds: int = 0

    def lines(self) -> list[str]:
        lines = [
            "[Peer]",
            f"PublicKey = {self.public_key}",
            f"PresharedKey = {self.preshared_key}",
            f"AllowedIPs = {', '.join(self.allowed_ips)}",
        ]
        if self.endpoint:
            lines.append(f"Endpoint = {self.endpoint}")
        if self.keepalive_seconds:
            lines.append(f"PersistentKeepalive = {self.keepalive_seconds}")
        return lines


@dataclass(frozen=True)
class Configuration:
    """One wg-quick(8) file; a server listens, a client does not."""

    private_key: str
    addresses: tuple[str, ...]
    peers: tuple[Peer, ...]
    listen_port: int | None = None

    def text(self) -> str:
        interface = [
            "[Interface]",
            f"Address = {', '.join(self.addresses)}",
            *([f"ListenPort = {self.listen_port}"] if self.listen_port else []),
            f"PrivateKey = {self.private_key}",
            f"MTU = {MTU}",
        ]
        sections = [interface, *(peer.lines() for peer in self.peers)]
        return "\n\n".join("\n".join(section) for section in sections) + "\n"

    def write(self, folder: Path) -> None:
        write_conf(folder, self.text())


def write_conf(folder: Path, text: str) -> None:
    """Put it where wg-quick looks for it, readable for its owner only."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = folder / f"{INTERFACE}.conf"
    file.touch(mode=0o600)
    file.write_text(text)


def bring_up(namespace: Namespace) -> None:
    """Where the kernel has no WireGuard, wg-quick starts wireguard-go by itself."""
    namespace.run("wg-quick", "up", INTERFACE, timeout_seconds=30)


def remove(namespace: Namespace) -> None:
    """Take the interface away, if it is there, as a power cut does: no hook runs."""
    try:
        namespace.run("ip", "link", "delete", "dev", INTERFACE)
    except CommandFailed as error:
        if "Cannot find device" not in error.reason:
            raise


def handshakes(namespace: Namespace) -> dict[str, int]:
    """Unix time of each peer's latest handshake by public key; 0 if there was none."""
    text = namespace.run("wg", "show", INTERFACE, "latest-handshakes")
    return {key: int(at) for key, at in (line.split() for line in text.splitlines())}
