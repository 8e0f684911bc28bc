"""What the clients of an interface are told: the grammar of its endpoint, DNS servers and routes.

As in `wgpanel_agent.grammar`: each parser returns the one spelling of an untrusted value, or raises
InvalidDocument, which names the field and never repeats the value.
"""

import re
from collections.abc import Callable, Sequence

from wgpanel_agent import grammar
from wgpanel_agent.documents import InvalidDocument

MOST_DNS = 4
# split tunnels that leave some networks out need more than a hundred
MOST_ROUTES = 256

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*", re.ASCII)
# what inet_aton(3) takes for an address: 127.1, 0x7f000001, 2130706433
_NUMBER_LAST = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)", re.ASCII)
_LONGEST_HOST = 253


def host(value: object, field: str = "endpoint_host") -> str:
    """An address without brackets, or a host name of letters, digits and hyphens (RFC 1123)."""
    if not isinstance(value, str) or not value.isascii() or "/" in value:
        raise InvalidDocument(field, "must be an address or a host name")
    name = value.lower()
    if _HOST_NAME.fullmatch(name) and len(name) <= _LONGEST_HOST and not _is_number(name):
        return name
    return grammar.peer_address(value, field).partition("/")[0]


def _is_number(name: str) -> bool:
    return _NUMBER_LAST.fullmatch(name) is not None


def name_servers(values: Sequence[object], field: str = "dns") -> tuple[str, ...]:
    """Addresses of DNS servers, or search domains, as wg-quick(8) takes them; none is allowed."""
    return _list_of(host, values, field, MOST_DNS)


def routes(values: Sequence[object], field: str = "client_allowed_ips") -> tuple[str, ...]:
    """The networks that clients send into the tunnel; none is allowed here."""
    return _list_of(grammar.routed_network, values, field, MOST_ROUTES)


def _list_of(
    parse: Callable[[object, str], str], values: Sequence[object], field: str, most: int
) -> tuple[str, ...]:
    if len(values) > most:
        raise InvalidDocument(field, f"has more than {most} elements")
    parsed = tuple(parse(value, f"{field}[{i}]") for i, value in enumerate(values))
    if len(set(parsed)) != len(parsed):
        raise InvalidDocument(field, "names one element twice")
    return parsed


def elements(text: str, field: str) -> list[str]:
    """The elements of a list with commas; no text is no element, an empty element is an error."""
    if not text.strip(" "):
        return []
    found = [element.strip(" ") for element in text.split(",")]
    if not all(found):
        raise InvalidDocument(field, "has an empty element")
    return found
