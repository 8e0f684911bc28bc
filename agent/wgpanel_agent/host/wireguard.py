"""The only module that runs `wg` (wg(8)): pure builders and parsers, and one class that runs them.

A dump carries the private key and every preshared key. The parser drops them before anything else
sees a line, and keeps a keyed fingerprint of a preshared key; raw output is never logged.
"""

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from wgpanel_agent.documents import PeerPart
from wgpanel_agent.host.processes import Outcome, ProcessError, run
from wgpanel_agent.slices import in_slices

Fingerprint = Callable[[str, str], str]  # of a public key and its preshared key

NO_PRESHARED_KEY = "A" * 43 + "="  # 32 zero bytes: the only way to clear one
WRITE_TIMEOUT = 60.0  # seconds; user-space WireGuard takes 0.3 ms per new peer

# ENODEV; of another kind; and, where the kernel has no WireGuard, not in user space either.
NO_INTERFACE = (b"No such device", b"Operation not supported", b"Protocol not supported")

_QUOTED = re.compile(r"`[^']*'?")
_UNREADABLE = re.compile(r"Unable to access interface (\S+): (.*)")


class WireGuardError(Exception):
    """`wg` failed or gave no answer; the text carries no key."""


class NoSuchInterface(WireGuardError):
    """There is no WireGuard interface of this name."""


class Peer(NamedTuple):
    """One peer as it runs; bytes are the server's counts, `last_handshake` is Unix time."""

    public_key: str
    fingerprint: str | None
    endpoint: str | None
    allowed_ips: str  # as `wg` prints it, comma separated: compact at 10,000 peers
    last_handshake: int | None
    rx_bytes: int
    tx_bytes: int
    keepalive: int | None

    @property
    def networks(self) -> list[str]:
        return self.allowed_ips.split(",") if self.allowed_ips else []


@dataclass(slots=True)
class Running:
    """One interface as it runs."""

    name: str
    public_key: str | None
    listen_port: int | None
    fwmark: int | None
    peers: dict[str, Peer] = field(default_factory=dict)


def parse_interface(columns: Sequence[str]) -> Running:
    name, _secret, public_key, listen_port, fwmark = columns
    return Running(
        name=name,
        public_key=None if public_key == "(none)" else public_key,
        listen_port=int(listen_port) or None,
        fwmark=None if fwmark == "off" else int(fwmark, 16) or None,
    )


def parse_peer(columns: Sequence[str], fingerprint: Fingerprint) -> Peer:
    _, key, preshared, endpoint, allowed_ips, handshake, rx, tx, keepalive = columns
    return Peer(
        key,
        None if preshared == "(none)" else fingerprint(key, preshared),
        None if endpoint == "(none)" else endpoint,
        "" if allowed_ips == "(none)" else allowed_ips,
        int(handshake) or None,
        int(rx),
        int(tx),
        None if keepalive == "off" else int(keepalive),
    )


def parse_line(columns: Sequence[str], fingerprint: Fingerprint, into: dict[str, Running]) -> None:
    """One line of `wg show all dump`: an interface has 5 columns, a peer 9."""
    if len(columns) == 9 and columns[0] in into:
        into[columns[0]].peers[columns[1]] = parse_peer(columns, fingerprint)
    elif len(columns) == 5:
        into[columns[0]] = parse_interface(columns)
    else:
        raise WireGuardError(f"wg show dump printed a line of {len(columns)} columns")


async def parse_dump(text: str, fingerprint: Fingerprint, name: str = "") -> dict[str, Running]:
    """The interfaces of a dump by name; `wg show NAME dump` lacks the first column."""
    found: dict[str, Running] = {}
    async for line in in_slices(filter(None, text.split("\n"))):
        columns = [name, *line.split("\t")] if name else line.split("\t")
        parse_line(columns, fingerprint, found)
    return found


def peer_section(peer: PeerPart) -> str:
    """A [Peer] that leaves nothing to the past: `wg` keeps a key or keepalive that a section does
    not mention, though not its addresses, and refuses an empty AllowedIPs."""
    lines = [
        "[Peer]",
        f"PublicKey = {peer.public_key}",
        f"PresharedKey = {peer.preshared_key or NO_PRESHARED_KEY}",
        f"PersistentKeepalive = {peer.keepalive or 'off'}",
        *([f"AllowedIPs = {', '.join(peer.allowed_ips)}"] if peer.allowed_ips else []),
        "",
    ]
    told = "".join(lines)
    if not (told.isascii() and told.isprintable()):
        raise WireGuardError("a peer would have become more than its own lines")
    return "\n".join(lines)


async def peer_sections(peers: Collection[PeerPart]) -> str:
    return "".join([peer_section(peer) async for peer in in_slices(peers)])


def interface_section(private_key: str, listen_port: int, fwmark: int | None) -> str:
    """Without each of these lines `wg syncconf` would erase the key and pick a random port."""
    return (
        f"[Interface]\nPrivateKey = {private_key}\nListenPort = {listen_port}\n"
        f"FwMark = {fwmark or 'off'}\n"
    )


def removal_words(name: str, keys: Iterable[str]) -> list[str]:
    words = ["wg", "set", name]
    for key in keys:
        words += ["peer", key, "remove"]
    return words


def complaint(outcome: Outcome) -> str:
    """The last thing `wg` said, without the values that it quotes."""
    said = outcome.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
    return _QUOTED.sub("(value)", said)[:200] or f"exit code {outcome.exit_code}"


@dataclass(frozen=True, slots=True)
class Look:
    """What `wg show all dump` saw, and why it could not see the rest."""

    interfaces: dict[str, Running]
    unreadable: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WireGuard:
    """Runs `wg`. Every method raises WireGuardError, also when there is no answer in time."""

    fingerprint: Fingerprint
    read_timeout: float = 5.0  # seconds

    async def look_at_all(self) -> Look:
        outcome = await _run(["wg", "show", "all", "dump"], timeout_seconds=self.read_timeout)
        unreadable = dict(_UNREADABLE.findall(outcome.stderr.decode("utf-8", "replace")))
        if outcome.exit_code and not unreadable:
            raise WireGuardError(complaint(outcome))
        return Look(await parse_dump(_text(outcome), self.fingerprint), unreadable)

    async def look_at(self, name: str) -> Running:
        found = await parse_dump(await self._dump(name), self.fingerprint, name)
        return found[name]

    async def has(self, name: str) -> bool:
        """Whether it is an interface of WireGuard."""
        try:
            await self._succeed(["wg", "show", name, "listen-port"], self.read_timeout)
        except NoSuchInterface:
            return False
        return True

    async def read_back(self, name: str, keys: Collection[str]) -> dict[str, Peer]:
        """Those of the peers that are there. Reads one dump, but parses only what was asked for."""
        lines = (await self._dump(name)).split("\n")
        touched = [line.split("\t") for line in lines if line[:44] in keys]
        return {words[0]: parse_peer([name, *words], self.fingerprint) for words in touched}

    async def private_key(self, name: str) -> str | None:
        text = await self._succeed(["wg", "show", name, "private-key"], self.read_timeout)
        return None if text.strip() == "(none)" else text.strip()

    async def public_key(self, private_key: str) -> str:
        text = await self._succeed(["wg", "pubkey"], self.read_timeout, private_key + "\n")
        return text.strip()

    async def new_private_key(self) -> str:
        text = await self._succeed(["wg", "genkey"], self.read_timeout)
        return text.strip()

    async def add(self, name: str, peers: Collection[PeerPart]) -> None:
        """Add or change these peers; the others never notice."""
        await self._write(["wg", "addconf", name, "/dev/stdin"], await peer_sections(peers))

    async def remove(self, name: str, keys: Collection[str]) -> None:
        await self._write(removal_words(name, keys), "")

    async def synchronise(self, name: str, configuration: str) -> None:
        """Make it exactly this: an `interface_section`, and the `peer_sections` of all peers."""
        await self._write(["wg", "syncconf", name, "/dev/stdin"], configuration)

    async def _dump(self, name: str) -> str:
        return await self._succeed(["wg", "show", name, "dump"], self.read_timeout)

    async def _write(self, words: Sequence[str], configuration: str) -> None:
        await self._succeed(words, WRITE_TIMEOUT, configuration)

    async def _succeed(self, words: Sequence[str], timeout_seconds: float, stdin: str = "") -> str:
        outcome = await _run(words, timeout_seconds=timeout_seconds, stdin=stdin)
        if not outcome.exit_code:
            return _text(outcome)
        if any(words in outcome.stderr for words in NO_INTERFACE):
            raise NoSuchInterface(complaint(outcome))
        raise WireGuardError(complaint(outcome))


async def _run(words: Sequence[str], *, timeout_seconds: float, stdin: str = "") -> Outcome:
    try:
        return await run(words, stdin=stdin.encode("ascii"), timeout_seconds=timeout_seconds)
    except ProcessError as error:
        raise WireGuardError(f"{' '.join(words[:3])}: {error}") from error


def _text(outcome: Outcome) -> str:
    return outcome.stdout.decode("utf-8", "replace")
