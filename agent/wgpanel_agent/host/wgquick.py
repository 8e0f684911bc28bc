"""wg-quick(8) makes the interface, in the kernel or by starting wireguard-go where that has none.

It gets a file of the settings alone. Parsing 20,000 peers takes it over a minute, so those are put
there by `wg` afterwards; hooks are the agent's own business while it runs.
"""

import asyncio
import tempfile
from pathlib import Path

from wgpanel_agent.documents import InterfacePart
from wgpanel_agent.files.confrender import render
from wgpanel_agent.files.serverconf import ServerConf
from wgpanel_agent.host.commands import succeed

TIMEOUT = 30.0  # seconds


def settings_of(part: InterfacePart, private_key: str) -> str:
    """A file without peers, routes and hooks."""
    conf = ServerConf(
        listen_port=part.listen_port,
        addresses=part.addresses,
        mtu=part.mtu,
        fwmark=part.fwmark,
        table="off",
        private_key=private_key,
    )
    return render(conf)


async def up(name: str, part: InterfacePart, private_key: str, folder: Path) -> None:
    """Make the interface; `folder` is private. Raises CommandFailed, and then there is none."""
    with tempfile.TemporaryDirectory(dir=folder) as place:
        path = Path(place, f"{name}.conf")
        await asyncio.to_thread(path.write_text, settings_of(part, private_key))
        await succeed(["wg-quick", "up", str(path)], TIMEOUT)
