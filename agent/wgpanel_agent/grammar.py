"""The grammar of every field that may reach a WireGuard configuration.

Each parser takes an untrusted value and the path of its field, and returns the typed value in the
one spelling that `wg` itself prints; configurations are rendered from those values only. Anything
else raises InvalidDocument, which names the field and never repeats the value: it may be a secret.
Standard library only, because the panel uses the same grammar.
"""

import base64
import re
import socket
from collections.abc import Iterator, Sequence

CURVE25519_PRIME = 2**255 - 19
# The x-coordinates of points of small order: a peer with such a key has a predictable secret.
# https://cr.yp.to/ecdh.html#validate
LOW_ORDER_POINTS = frozenset(
    (
        0,
        1,
        CURVE25519_PRIME - 1,
        325606250916557431795983626356110631294008115727848805560023387167927233504,
        39382357235489614581723060781553021112529911719440698176882885853963445705823,
    )
)
RESERVED_INTERFACE_NAMES = frozenset(("all", "interfaces", "lo", "default", "help"))

_INTERFACE_NAME = re.compile(r"[a-z][a-z0-9_-]{0,14}", re.ASCII)
# The 43rd character carries 4 bits only: other letters are second spellings that `wg` refuses.
_KEY = re.compile(r"[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=", re.ASCII)
_ZERO_KEY = "A" * 43 + "="
_IPV4_IN_IPV6 = (bytes(12), bytes(10) + b"\xff\xff")
_ADDRESS = re.compile(r"([0-9.]{7,15}|[0-9A-Fa-f:]{2,39})(?:/(0|[1-9][0-9]{0,2}))?", re.ASCII)
# One address as `wg` prints it, which most are: an IPv4 one, and what may be an IPv6 one.
_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_HOST_V4 = re.compile(rf"(?:{_OCTET}\.){{3}}{_OCTET}/32", re.ASCII)
_HOST_V6 = re.compile(r"[0-9a-f:]{2,39}/128", re.ASCII)
# What Linux takes as the name of a link, of the letters that need no thought in a rule.
_LINK_NAME = re.compile(r"[a-zA-Z0-9._-]{1,15}", re.ASCII)
_ENDPOINT = re.compile(r"(?:([0-9.]{7,15})|\[([0-9A-Fa-f:]{2,39})\]):([1-9][0-9]{0,4})", re.ASCII)


class InvalidDocument(ValueError):
    """A value outside the grammar; `field` is its path, such as `peers[3].allowed_ips[0]`."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem


def _match(pattern: re.Pattern[str], value: object, field: str, what: str) -> re.Match[str]:
    found = pattern.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise InvalidDocument(field, f"must be {what}")
    return found


def integer(value: object, field: str, low: int, high: int) -> int:
    """A JSON integer within both bounds; True, 1.0 and "1" are not integers."""
    if type(value) is not int or not low <= value <= high:
        raise InvalidDocument(field, f"must be an integer from {low} to {high}")
    return value


def flag(value: object, field: str) -> bool:
    if not isinstance(value, bool):
        raise InvalidDocument(field, "must be true or false")
    return value


def one_of(value: object, field: str, choices: Sequence[str]) -> str:
    if not isinstance(value, str) or value not in choices:
        raise InvalidDocument(field, f"must be one of {', '.join(choices)}")
    return value


def link_name(value: object, field: str = "out_interface") -> str:
    """The name of any network interface of the node, such as eth0."""
    name = _match(_LINK_NAME, value, field, "the name of a network interface").group()
    if name in (".", ".."):
        raise InvalidDocument(field, "must be the name of a network interface")
    return name


def interface_name(value: object, field: str = "interface") -> str:
    name = _match(_INTERFACE_NAME, value, field, "an interface name like wg0").group()
    if name in RESERVED_INTERFACE_NAMES:
        raise InvalidDocument(field, "is a reserved name")
    return name


def _key(value: object, field: str) -> str:
    """Of 32 bytes; each has one spelling only."""
    if isinstance(value, str) and _KEY.fullmatch(value):
        return value
    raise InvalidDocument(field, "must be a base64 key of 32 bytes")


def _key_text(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


def public_key(value: object, field: str = "public_key") -> str:
    """A Curve25519 public key, not a point of small order (which includes all zero)."""
    key = _key(value, field)
    if key in LOW_ORDER_KEYS:
        raise InvalidDocument(field, "is a point of small order")
    return key


def _spellings(point: int) -> Iterator[str]:
    """X25519 ignores the top bit and reduces, RFC 7748 section 5: a point has several keys."""
    for number in range(point, 2**255, CURVE25519_PRIME):
        for top_bit in (0, 2**255):
            yield _key_text((number | top_bit).to_bytes(32, "little"))


LOW_ORDER_KEYS = frozenset(key for point in LOW_ORDER_POINTS for key in _spellings(point))


def private_key(value: object, field: str = "private_key") -> str:
    key = _key(value, field)
    if key == _ZERO_KEY:
        raise InvalidDocument(field, "is all zero")
    return key


def preshared_key(value: object, field: str = "preshared_key") -> str | None:
    """A preshared key; None and 32 zero bytes both mean that there is none."""
    if value is None:
        return None
    key = _key(value, field)
    return None if key == _ZERO_KEY else key


def _packed(text: str, field: str) -> tuple[socket.AddressFamily, bytes]:
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    try:
        packed = socket.inet_pton(family, text)
    except OSError as error:
        raise InvalidDocument(field, "is not an address") from error
    return family, packed


def _refuse_disguised_ipv4(packed: bytes, field: str) -> None:
    """`::ffff:192.0.2.1` and `::192.0.2.1` have two spellings and two meanings."""
    if len(packed) == 16 and packed.startswith(_IPV4_IN_IPV6):
        raise InvalidDocument(field, "is an IPv4 address, or none, written as IPv6")


def _prefixed(value: object, field: str) -> tuple[socket.AddressFamily, bytes, int]:
    text, length = _match(_ADDRESS, value, field, "an address with a prefix length").groups()
    family, packed = _packed(text, field)
    prefix = len(packed) * 8 if length is None else int(length)
    if prefix > len(packed) * 8:
        raise InvalidDocument(field, "has a prefix longer than its address")
    if prefix:
        _refuse_disguised_ipv4(packed, field)
    return family, packed, prefix


def interface_address(value: object, field: str = "address") -> str:
    """An address of the interface itself; host bits are kept: `10.0.0.1/24`."""
    family, packed, prefix = _prefixed(value, field)
    return f"{socket.inet_ntop(family, packed)}/{prefix}"


def routed_network(value: object, field: str = "allowed_ips") -> str:
    """A network behind a peer. `wg` would cut host bits off without a word, so they are refused."""
    if isinstance(value, str) and _is_as_printed(value):
        return value
    family, packed, prefix = _prefixed(value, field)
    free = len(packed) * 8 - prefix
    if free and int.from_bytes(packed, "big") & ((1 << free) - 1):
        raise InvalidDocument(field, "has bits set beyond its prefix")
    return f"{socket.inet_ntop(family, packed)}/{prefix}"


def _is_as_printed(text: str) -> bool:
    """Whether it is one address in the spelling of `wg`: thousands need not be taken apart."""
    if _HOST_V4.fullmatch(text):
        return True
    if not _HOST_V6.fullmatch(text):
        return False
    try:
        packed = socket.inet_pton(socket.AF_INET6, text[:-4])
    except OSError:
        return False
    is_printed = socket.inet_ntop(socket.AF_INET6, packed) == text[:-4]
    return is_printed and not packed.startswith(_IPV4_IN_IPV6)


def peer_address(value: object, field: str = "allowed_ips") -> str:
    """The address of one peer: /32 or /128, which may be left out."""
    if isinstance(value, str) and _is_as_printed(value):
        return value
    family, packed, prefix = _prefixed(value, field)
    if prefix != len(packed) * 8:
        raise InvalidDocument(field, "must be one address, /32 or /128")
    return f"{socket.inet_ntop(family, packed)}/{prefix}"


def endpoint(value: object, field: str = "endpoint") -> str:
    """`IP:port` or `[IPv6]:port`. No host names: `wg` retries their look-up up to 15 times."""
    found = _match(_ENDPOINT, value, field, "an address and port like 192.0.2.1:51820")
    family, packed = _packed(found[1] or found[2], field)
    _refuse_disguised_ipv4(packed, field)
    host = socket.inet_ntop(family, packed)
    number = port(int(found[3]), field)
    return f"[{host}]:{number}" if family is socket.AF_INET6 else f"{host}:{number}"


def port(value: object, field: str = "listen_port") -> int:
    return integer(value, field, 1, 65535)


def mtu(value: object, field: str = "mtu") -> int:
    return integer(value, field, 576, 9000)


def keepalive(value: object, field: str = "keepalive") -> int | None:
    """Seconds between keepalives; None and 0 both mean off."""
    return None if value is None else integer(value, field, 0, 65535) or None


def fwmark(value: object, field: str = "fwmark") -> int | None:
    """The firewall mark of outgoing packets; None and 0 both mean off."""
    return None if value is None else integer(value, field, 0, 2**32 - 1) or None


def routing_table(value: object, field: str = "table") -> str | int | None:
    """wg-quick's Table: `off`, `auto` or a number; None leaves the line out."""
    if value is None or (isinstance(value, str) and value in ("off", "auto")):
        return value
    return integer(value, field, 1, 2**31 - 1)
