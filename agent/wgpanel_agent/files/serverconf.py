"""The file /etc/wireguard/<iface>.conf: what it says, and how it is read.

The parser reads files of the agent and of other hands, the way wg-quick(8) does: what it does not
know, it refuses. It never repeats a value: it may be a secret.
"""

import ipaddress
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from wgpanel_agent import grammar
from wgpanel_agent.documents import InterfacePart, InvalidDocument, PeerPart, State

MARK = "# wgpanel "
TABLE_MARK = "# wgpanel-table "
HOOKS = frozenset(("preup", "postup", "predown", "postdown"))
OTHERS = frozenset(("dns", "saveconfig", "endpoint"))  # known, and nothing to the agent
_SECTION = {"[interface]": "interface", "[peer]": "peer"}
_NUMBER = re.compile(r"[0-9]{1,10}|0[xX][0-9a-fA-F]{1,8}", re.ASCII)


class BadConf(Exception):
    """The file is not one that wg-quick and the agent read alike; it names the line."""


@dataclass(frozen=True, slots=True)
class ServerConf:
    """What a file says. `state` is None for a file that the agent did not write.

    `hooks` are lines such as `PostUp = …`. Peers have neither expiry nor quota: those who may not
    connect are left out. `table` is the wish; wg-quick itself is told to leave routes alone.
    """

    listen_port: int | None = None
    addresses: tuple[str, ...] = ()
    mtu: int | None = None
    fwmark: int | None = None
    table: str | int | None = None
    hooks: tuple[str, ...] = ()
    peers: tuple[PeerPart, ...] = ()
    private_key: str | None = field(default=None, repr=False)
    state: State | None = None
    others: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        state: State,
        part: InterfacePart,
        private_key: str,
        peers: Iterable[PeerPart],
        *,
        hooks: Sequence[str] = (),
        now: float,
    ) -> Self:
        """A desired state as a file; `now` in Unix seconds tells who has expired."""
        return cls(
            part.listen_port,
            part.addresses,
            part.mtu,
            part.fwmark,
            part.table,
            tuple(hooks),
            tuple(_bare(peer) for peer in peers if not peer.is_expired(now)),
            private_key,
            state,
        )


def _bare(peer: PeerPart) -> PeerPart:
    if peer.expires_at is None and peer.quota_bytes is None:
        return peer
    return PeerPart(peer.public_key, peer.allowed_ips, peer.preshared_key, peer.keepalive)


def written_state(text: str) -> State | None:
    """The state that a file of ours holds, from its first line."""
    first = text.partition("\n")[0]
    if not first.startswith(MARK):
        return None
    try:
        return State.parse_etag(f'"{first.removeprefix(MARK)}"')
    except InvalidDocument:
        return None


class _Reader:
    """Collects what the lines say. One value of a kind is kept as wg does: the last."""

    def __init__(self, state: State | None, table: str | int | None) -> None:
        self._state = state
        self._marked_table = table
        self._section = ""
        self._interfaces = 0
        self._interface: dict[str, Any] = {}
        self._hooks: list[str] = []
        self._others: list[str] = []
        self._peer: dict[str, Any] = {}
        self._peers: list[PeerPart] = []

    def line(self, line: str) -> None:
        text = line.partition("#")[0].strip()
        if not text:
            return
        if text.startswith("["):
            self._begin(text.lower())
            return
        name, equals, value = text.partition("=")
        key, value = name.strip().lower(), value.strip()
        if not equals:
            raise BadConf("is not a name and a value")
        if value:
            self._take(key, value, text)
        else:
            self._others.append(key)  # wg refuses the file; importers take it for left out

    def _begin(self, header: str) -> None:
        self._end_peer()
        if header not in _SECTION:
            raise BadConf("is an unknown section")
        self._section = _SECTION[header]
        self._interfaces += self._section == "interface"
        if self._interfaces > 1:
            raise BadConf("is a second [Interface]")

    def _take(self, key: str, value: str, text: str) -> None:
        if self._section == "peer" and key in _PEER:
            _PEER[key](self._peer, value)
        elif self._section == "interface" and key in _INTERFACE:
            _INTERFACE[key](self._interface, value)
        elif self._section == "interface" and key in HOOKS:
            self._hooks.append(text)
        elif key in OTHERS:
            self._others.append(key)
        else:
            raise BadConf("has a name that does not belong there")

    def _end_peer(self) -> None:
        if self._section != "peer":
            return
        if "public_key" not in self._peer:
            raise BadConf("ends a peer without a key")
        allowed = tuple(self._peer.pop("allowed_ips", ()))
        self._peers.append(PeerPart(allowed_ips=allowed, **self._peer))
        self._peer = {}

    def finish(self) -> ServerConf:
        self._end_peer()
        if self._interfaces != 1:
            raise BadConf("there is no [Interface]")
        if self._interface.get("table") == "off":
            self._interface["table"] = self._marked_table
        self._interface["addresses"] = tuple(self._interface.get("addresses", ()))
        return ServerConf(
            **self._interface,
            hooks=tuple(self._hooks),
            peers=tuple(self._peers),
            state=self._state,
            others=tuple(self._others),
        )


def parse(text: str) -> ServerConf:
    """Raises BadConf with the number of the line."""
    state = written_state(text)
    lines = text.split("\n")
    at = 0
    try:
        reader = _Reader(state, _table_mark(lines) if state else "off")
        while at < len(lines):
            reader.line(lines[at])
            at += 1
        return reader.finish()
    except (BadConf, InvalidDocument) as error:
        raise BadConf(f"line {at + 1}: {error}") from error


def _table_mark(lines: Sequence[str]) -> str | int | None:
    """What `Table = off` stands for in a file of ours."""
    mark, _, word = "".join(lines[1:2]).partition(TABLE_MARK)
    if mark or not word:
        return "off"
    return None if word == "default" else _table(word)


def _number(value: str, name: str) -> int:
    if not _NUMBER.fullmatch(value):
        raise InvalidDocument(name, "must be a number")
    return int(value, 16 if value[1:2] in ("x", "X") else 10)


def _table(value: str) -> str | int | None:
    return grammar.routing_table(value if value in ("off", "auto") else _number(value, "table"))


def _keepalive(value: str) -> int | None:
    return None if value == "off" else grammar.keepalive(_number(value, "keepalive"))


def _fwmark(value: str) -> int | None:
    return None if value == "off" else grammar.fwmark(_number(value, "fwmark"))


def _network(value: str) -> str:
    """wg cuts off bits beyond the prefix."""
    try:
        return grammar.routed_network(value)
    except InvalidDocument:
        whole = grammar.interface_address(value, "allowed_ips")
        return str(ipaddress.ip_network(whole, strict=False))


def _one(name: str, parse: Callable[[str], object]) -> Callable[[dict[str, Any], str], None]:
    def take(into: dict[str, Any], value: str) -> None:
        into[name] = parse(value)

    return take


def _several(name: str, parse: Callable[[str], object]) -> Callable[[dict[str, Any], str], None]:
    def take(into: dict[str, Any], value: str) -> None:
        into.setdefault(name, []).extend(parse(it.strip()) for it in value.split(","))

    return take


_INTERFACE = {
    "privatekey": _one("private_key", grammar.private_key),
    "listenport": _one("listen_port", lambda value: grammar.port(_number(value, "listen_port"))),
    "address": _several("addresses", grammar.interface_address),
    "mtu": _one("mtu", lambda value: grammar.mtu(_number(value, "mtu"))),
    "fwmark": _one("fwmark", _fwmark),
    "table": _one("table", _table),
}
_PEER = {
    "publickey": _one("public_key", grammar.public_key),
    "presharedkey": _one("preshared_key", grammar.preshared_key),
    "allowedips": _several("allowed_ips", _network),
    "persistentkeepalive": _one("keepalive", _keepalive),
}
