"""How /etc/wireguard/<iface>.conf is written: from typed values, and from nothing else.

No name, note or hook of a user can get here. What was rendered is parsed again and must be what it
was made from.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from wgpanel_agent.documents import InterfacePart, PeerPart
from wgpanel_agent.files.serverconf import MARK, TABLE_MARK, BadConf, ServerConf, parse
from wgpanel_agent.host import forwarding, nat
from wgpanel_agent.host.iproute import Route, route_line


def hooks(name: str, part: InterfacePart, routes: Iterable[Route], folder: Path) -> tuple[str, ...]:
    """What wg-quick does at a boot without the agent: forwarding, the interface's nftables file,
    routes. None of it may keep the tunnel down where it fails."""
    up = [*forwarding.hooks(part)]
    down = []
    if nat.is_wanted(part):
        up.append(f"nft -f {nat.file_of(folder, name)} || true")
        down.append(f"nft delete table inet {nat.table_of(name)} || true")
    up += [f"ip {route_line('add', name, route)} || true" for route in sorted(routes)]
    return (*(f"PostUp = {line}" for line in up), *(f"PostDown = {line}" for line in down))


def render(conf: ServerConf, proven: Mapping[str, PeerPart] | None = None) -> str:
    """The text of the file. Raises BadConf rather than give one that says anything else.

    Each section stands for itself: of peers that are among the `proven`, by key, what `render`
    wrote was read before.
    """
    known = proven or {}
    unproven = [it for it in conf.peers if known.get(it.public_key) != it]
    new = replace(conf, peers=tuple(unproven))
    text = text_of(new)
    if parse(text) != new:
        raise BadConf("the file would have said something else than was meant")
    return text if new == conf else text_of(conf)


def text_of(conf: ServerConf) -> str:
    """As `render` gives it, without reading it again."""
    return "\n".join((*_head(conf), "", *map(_peer, conf.peers)))


def _head(conf: ServerConf) -> list[str]:
    """wg-quick would ask `ip` about each address of each peer, minutes for 20,000 of them. The
    agent's own routes are few; where they are wanted, hooks set them."""
    marks = [MARK + conf.state.etag.strip('"')] if conf.state else []
    if conf.state and conf.table != "off":
        marks.append(TABLE_MARK + str(conf.table or "default"))
    return [
        *marks,
        "[Interface]",
        *_optional("PrivateKey", conf.private_key),
        *_optional("ListenPort", conf.listen_port),
        *(f"Address = {address}" for address in conf.addresses),
        *_optional("MTU", conf.mtu),
        *_optional("FwMark", conf.fwmark),
        *_optional("Table", "off" if conf.state else conf.table),
        *conf.hooks,
    ]


def _optional(name: str, value: object) -> list[str]:
    return [] if value is None else [f"{name} = {value}"]


def _peer(peer: PeerPart) -> str:
    lines = ["[Peer]", f"PublicKey = {peer.public_key}"]
    if peer.preshared_key:
        lines.append(f"PresharedKey = {peer.preshared_key}")
    if peer.allowed_ips:
        lines.append(f"AllowedIPs = {', '.join(peer.allowed_ips)}")
    if peer.keepalive:
        lines.append(f"PersistentKeepalive = {peer.keepalive}")
    return "\n".join((*lines, ""))
