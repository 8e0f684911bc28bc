"""Forwarding and masquerading: one nftables table for each interface, rendered from typed options.

The table is replaced by one transaction, so no packet meets half of it; other tables are never
looked at. An `accept` here cannot overrule a `drop` in somebody else's chain (nft(8)).
"""

from collections.abc import Iterable
from pathlib import Path

from wgpanel_agent.documents import InterfacePart
from wgpanel_agent.host.commands import is_installed, succeed
from wgpanel_agent.host.iproute import network_of

TIMEOUT = 10.0  # seconds
MARK = "# wgpanel: made by the agent, which overwrites it\n"


def table_of(name: str) -> str:
    """nftables takes every letter that the name of an interface may have."""
    return f"wgpanel_{name}"


def is_wanted(part: InterfacePart) -> bool:
    return part.forward or part.masquerade


def render(name: str, part: InterfacePart) -> str:
    """What `nft -f` reads: the table as wanted, or its removal."""
    table = f"inet {table_of(name)}"
    lines = [f"add table {table}", f"delete table {table}"]
    if is_wanted(part):
        lines += [f"table {table} {{", *_forward(name, part), *_masquerade(name, part), "}"]
    return MARK + "\n".join(lines) + "\n"


def removal(name: str) -> str:
    return render(name, InterfacePart(listen_port=1))


def _forward(name: str, part: InterfacePart) -> list[str]:
    if not part.forward:
        return []
    return [
        *_chain("forward", "filter hook forward priority filter"),
        f'\t\tiifname "{name}" accept',
        f'\t\toifname "{name}" accept',
        "\t}",
    ]


def _masquerade(name: str, part: InterfacePart) -> list[str]:
    if not part.masquerade:
        return []
    out = f'oifname "{part.out_interface}"' if part.out_interface else f'oifname != "{name}"'
    return [
        *_chain("postrouting", "nat hook postrouting priority srcnat"),
        *(f"\t\t{family} saddr {net} {out} masquerade" for family, net in _networks(part)),
        "\t}",
    ]


def _chain(name: str, kind: str) -> list[str]:
    return [f"\tchain {name} {{", f"\t\ttype {kind}; policy accept;"]


def _networks(part: InterfacePart) -> Iterable[tuple[str, str]]:
    networks = dict.fromkeys(network_of(it) for it in part.addresses)
    return [("ip6" if ":" in net else "ip", net) for net in networks]


def file_of(folder: Path, name: str) -> Path:
    """Where wg-quick finds the table at a boot without the agent."""
    return folder / f"{name}.wgpanel.nft"


async def load(text: str) -> None:
    """Take what `render` or `removal` made. Raises CommandFailed, and then nothing changed."""
    await succeed(["nft", "-f", "-"], TIMEOUT, text)


async def is_loaded(name: str) -> bool:
    """Whether there is a table of ours for this interface; without nft there is none."""
    if not is_installed("nft"):
        return False
    tables = await succeed(["nft", "list", "tables"], TIMEOUT)
    return f"table inet {table_of(name)}" in tables.splitlines()
