"""What is taken on this node before the agent comes: names of interfaces, files, UDP ports."""

import errno
import socket
from collections.abc import Collection, Mapping
from pathlib import Path

from wgpanel_agent.documents import InvalidDocument
from wgpanel_agent.files.conffile import is_ours, path_of
from wgpanel_agent.http import HttpError

SOMETHING = {socket.AF_INET: "0.0.0.0", socket.AF_INET6: "::"}  # noqa: S104 - only tried


def refuse_foreign(name: str, folder: Path) -> None:
    """An interface or a file of this name that is not ours: 409. For names that nobody gave to the
    agent in its configuration."""
    if name in {found for _, found in socket.if_nameindex()}:
        detail = f"This node has an interface {name} that is not the agent's."
        raise HttpError(409, "not_managed", detail)
    path = path_of(folder, name)
    if path.exists() and not is_ours(path):
        raise HttpError(409, "not_managed", f"{path} is not a file of the agent.")


def refuse_agents_port(port: int, own: Collection[int]) -> None:
    """Two services on one number are one mistake away from each other."""
    if port in own:
        raise InvalidDocument("interface.listen_port", "is the agent's own")


def refuse_others_port(port: int, others: Mapping[str, int]) -> None:
    """The port of another managed interface, also of one that is down: 409."""
    for name, taken in others.items():
        if taken == port:
            raise _in_use(port, f"belongs to {name}")


def refuse_taken_port(port: int) -> None:
    """A UDP port that somebody listens on: 409."""
    for family, address in SOMETHING.items():
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                if family == socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind((address, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise _in_use(port, "is in use on this node") from error


def _in_use(port: int, why: str) -> HttpError:
    return HttpError(409, "port_in_use", f"UDP port {port} {why}.", listen_port=port)
