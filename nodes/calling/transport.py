"""How a node's agent is reached, and known again: by TLS and its pinned certificate, or neither."""

from typing import NamedTuple

from nodes.calling import outbound
from nodes.calling.exchange import AgentError
from nodes.calling.pins import Pins


class Way(NamedTuple):
    """What Host says, and the pins of the certificate to be seen; None for plain HTTP."""

    authority: str
    pins: Pins | None


def way(agent_url: str, tls_pin: str, next_tls_pin: str, allow_plain_http: bool) -> Way:
    """Return how to reach an agent; raise AgentError where the panel does not go that way.

    Checked at each use, because a row may be older than what the settings allow.
    """
    found = outbound.check(agent_url)
    if not found.is_tls:
        if not allow_plain_http:
            outbound.check_plain_http(found)
        return Way(found.authority, None)
    if not tls_pin:
        raise AgentError(
            "no_pin", "TLS needs the pin of the agent's certificate: `wgpanel-agent pin` prints it."
        )
    return Way(found.authority, Pins(tls_pin, next_tls_pin))
