"""The file that a client of WireGuard takes: the one renderer, and the parser that checks it.

The model is parsed by the grammar of `wgpanel_agent.grammar` and `nodes.client_fields`, the text is
made of its values alone, and what was rendered is read back and compared: a file either says what
the model says, or there is none. The form is that of wg(8) and wg-quick(8).

When the panel does not hold the private key its line holds PLACEHOLDER. An empty value or a missing
line would bring a tunnel up that never connects; this one every client refuses, and the message
quotes the words that say what to do.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from wgpanel_agent import grammar
from wgpanel_agent.documents import InvalidDocument

from keyring.sealing import SecretLocked
from nodes import client_fields
from peers.configuration.client_conf_reader import Setting, settings

if TYPE_CHECKING:
    from keyring.fields import Secret
    from nodes.models import Interface
    from peers.models import Peer

PLACEHOLDER = "PUT-THE-PRIVATE-KEY-OF-THIS-DEVICE-HERE"
_PLACEHOLDER_NOTE = "# The panel does not hold the private key: write it into the next line."


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientConf:
    """What one client needs. `keepalive` is in seconds; None or no element leaves a line out.

    `public_key` is the server's. Without `private_key` the file holds PLACEHOLDER in its place.
    """

    addresses: tuple[str, ...]
    public_key: str
    endpoint_host: str
    endpoint_port: int
    allowed_ips: tuple[str, ...]
    private_key: str | None = None
    preshared_key: str | None = None
    dns: tuple[str, ...] = ()
    mtu: int | None = None
    keepalive: int | None = None

    @classmethod
    def of(
        cls,
        *,
        addresses: Sequence[object],
        public_key: object,
        endpoint_host: object,
        endpoint_port: object,
        allowed_ips: Sequence[object],
        private_key: object = None,
        preshared_key: object = None,
        dns: Sequence[object] = (),
        mtu: object = None,
        keepalive: object = None,
    ) -> Self:
        """Parse untrusted values; raise InvalidDocument for one outside the grammar."""
        conf = cls(
            addresses=tuple(grammar.peer_address(a, "Address") for a in addresses),
            public_key=grammar.public_key(public_key, "PublicKey"),
            endpoint_host=client_fields.host(endpoint_host, "Endpoint"),
            endpoint_port=grammar.port(endpoint_port, "Endpoint"),
            allowed_ips=client_fields.routes(allowed_ips, "AllowedIPs"),
            private_key=None
            if private_key is None
            else grammar.private_key(private_key, "PrivateKey"),
            preshared_key=grammar.preshared_key(preshared_key, "PresharedKey"),
            dns=client_fields.name_servers(dns, "DNS"),
            mtu=None if mtu is None else grammar.mtu(mtu, "MTU"),
            keepalive=grammar.keepalive(keepalive, "PersistentKeepalive"),
        )
        conf._refuse_what_no_client_takes()
        return conf

    def _refuse_what_no_client_takes(self) -> None:
        if not self.addresses:
            raise InvalidDocument("Address", "is missing")
        if not self.allowed_ips:
            raise InvalidDocument("AllowedIPs", "is empty: nothing would go through the tunnel")
        if self.mtu is not None and self.mtu < 1280 and any(":" in a for a in self.addresses):
            raise InvalidDocument("MTU", "must be at least 1280 with IPv6, RFC 8200")

    @property
    def is_complete(self) -> bool:
        """Whether a client can use the file as it is: without a private key it cannot."""
        return self.private_key is not None

    @property
    def endpoint(self) -> str:
        """`host:port`, an IPv6 address in brackets (RFC 3986)."""
        host = f"[{self.endpoint_host}]" if ":" in self.endpoint_host else self.endpoint_host
        return f"{host}:{self.endpoint_port}"

    def __repr__(self) -> str:
        return f"ClientConf({self.addresses})"


def render(conf: ClientConf) -> str:
    """Return the text of the file; raise InvalidDocument unless it reads back as `conf`."""
    text = "".join(f"{line}\n" for line in _lines(conf))
    if parse(text) != conf:
        raise InvalidDocument("configuration", "does not read back as what was meant")
    return text


def _lines(conf: ClientConf) -> list[str]:
    return [
        "[Interface]",
        *([] if conf.is_complete else [_PLACEHOLDER_NOTE]),
        f"PrivateKey = {conf.private_key or PLACEHOLDER}",
        *_line("Address", *conf.addresses),
        *_line("DNS", *conf.dns),
        *_line("MTU", conf.mtu),
        "",
        "[Peer]",
        *_line("PublicKey", conf.public_key),
        *_line("PresharedKey", conf.preshared_key),
        *_line("AllowedIPs", *conf.allowed_ips),
        *_line("Endpoint", conf.endpoint),
        *_line("PersistentKeepalive", conf.keepalive),
    ]


def _line(key: str, *values: object) -> list[str]:
    """One line, or none where there is no value: clients refuse a whole file for `MTU = `."""
    given = [str(value) for value in values if value is not None]
    return [f"{key} = {', '.join(given)}"] if given else []


def parse(text: str) -> ClientConf:
    """Read a client's file: one [Interface], one [Peer], known keys only, each once.

    Comments, blanks and case are read as `wg` reads them. Raises InvalidDocument, which names the
    line where there is one.
    """
    found = settings(text)
    try:
        return ClientConf.of(**_values(found))
    except InvalidDocument as error:
        key = error.field.partition("[")[0]
        place = f"line {found[key].line}, {error.field}" if key in found else error.field
        raise InvalidDocument(place, error.problem) from error


def _values(found: Mapping[str, Setting]) -> dict[str, Any]:
    """What ClientConf.of takes, still untrusted."""
    texts = {key: setting.text for key, setting in found.items()}
    host, port = _endpoint(texts.get("Endpoint", ""))
    private_key = texts.get("PrivateKey", "")
    keepalive = texts.get("PersistentKeepalive")
    return {
        "addresses": client_fields.elements(texts.get("Address", ""), "Address"),
        "public_key": texts.get("PublicKey"),
        "endpoint_host": host,
        "endpoint_port": port,
        "allowed_ips": client_fields.elements(texts.get("AllowedIPs", ""), "AllowedIPs"),
        "private_key": None if private_key == PLACEHOLDER else private_key,
        "preshared_key": texts.get("PresharedKey"),
        "dns": client_fields.elements(texts.get("DNS", ""), "DNS"),
        "mtu": _decimal(texts.get("MTU")),
        "keepalive": None if keepalive == "off" else _decimal(keepalive),
    }


def _endpoint(text: str) -> tuple[str, object]:
    host, _, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    if bracketed != (":" in host):
        raise InvalidDocument("Endpoint", "has brackets around an IPv6 address, and only there")
    return host[1:-1] if bracketed else host, _decimal(port)


def _decimal(text: str | None) -> object:
    """An integer where one is written; anything else goes on as it is, to be refused."""
    is_number = text is not None and text.isascii() and text.isdecimal() and len(text) <= 5
    return int(text or 0) if is_number else text


class NoClientConf(Exception):
    """There is no file for this peer now; the text says why, in words for an operator."""


def for_peer(peer: "Peer", private_key: str | None = None) -> ClientConf:
    """Return what the client of `peer` needs; without `private_key` the stored one, if any.

    Raises NoClientConf where the interface has no key yet, a secret is locked or no route is left.
    """
    interface = peer.interface
    if not interface.public_key:
        raise NoClientConf("The node has not made the key of this interface yet.")
    addresses = [str(address.ip) for address in peer.addresses.all() if not address.released_at]
    try:
        return ClientConf.of(
            addresses=addresses,
            public_key=interface.public_key,
            endpoint_host=endpoint_host(interface),
            endpoint_port=interface.endpoint_port or interface.listen_port,
            allowed_ips=_routes(interface.client_allowed_ips, addresses),
            private_key=private_key or _revealed(peer.private_key),
            preshared_key=_revealed(peer.preshared_key),
            dns=client_fields.elements(interface.dns, "DNS"),
            mtu=interface.mtu or None,
            keepalive=interface.keepalive,
        )
    except InvalidDocument as error:
        raise NoClientConf(f"The settings make no valid file: {error}.") from error
    except SecretLocked as error:
        raise NoClientConf("A key of this peer is locked: its sealing key is missing.") from error


def endpoint_host(interface: "Interface") -> str:
    """Where clients reach the interface: as set, else the host under which its agent is called."""
    return interface.endpoint_host or urlsplit(interface.node.agent_url).hostname or ""


def _routes(text: str, addresses: Sequence[str]) -> list[str]:
    """Without an IPv4 address no IPv4 network is routed: it would only be cut off.

    IPv6 networks stay for a client without IPv6: else its IPv6 would go around the tunnel.
    """
    networks = client_fields.elements(text, "AllowedIPs")
    has_ipv4 = any(":" not in address for address in addresses)
    return [network for network in networks if has_ipv4 or ":" in network]


def _revealed(secret: "Secret | None") -> str | None:
    return secret.reveal() if secret else None
