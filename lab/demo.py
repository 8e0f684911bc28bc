"""`make run`: the panel and, where the machine allows, a fleet of real WireGuard nodes.

WGPANEL_PORT             port of the panel on loopback (8000)
WGPANEL_ADMIN_PASSWORD   password of the user admin; without it a fresh one at each start
FLEET=0                  the panel alone
"""

import os
import secrets
import signal
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError

from lab import by_panel, capability, joining
from lab.errors import LabError
from lab.fleet import Fleet
from lab.panel import ROOT, Panel
from lab.rest import Rest
from wgpanel import secret_files

GROUPS = ("Europe", "Europe", "America")
CLIENTS = 6
LAB_NETWORKS = "127.0.0.0/8,::1/128,198.18.0.0/15"
ONLINE_SECONDS = 60.0


def main() -> int:
    """Run until Ctrl-C; return the exit status."""
    # also where a shell started us in the background, with SIGINT ignored
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    if len(sys.argv) > 1:
        print(__doc__)
        return 0 if sys.argv[1] in ("-h", "--help") else 2
    try:
        return _run(Path(os.environ.get("WGPANEL_STATE_DIR") or ROOT / "var").resolve())
    except KeyboardInterrupt:
        return 0
    except (LabError, CommandError, ImproperlyConfigured) as error:
        print(f"make run: {error}", file=sys.stderr)
        return 1


def _run(state_dir: Path) -> int:
    password = os.environ.get("WGPANEL_ADMIN_PASSWORD") or secrets.token_urlsafe(12)
    _prepare(state_dir, password)
    with ExitStack() as undo:
        panel = Panel(state_dir, settings.PORT, {})
        undo.callback(lambda: print("stopped; the state is kept in", state_dir))
        fleet = _start_fleet(undo, state_dir)
        undo.enter_context(panel)
        print("make run: starting the panel", flush=True)
        panel.wait_until_ready()
        if fleet:
            rest = Rest(panel.url, panel.state_dir)
            _join(fleet, panel, rest)
            _wait_until_online(fleet)
            _connect(fleet, rest)
        _welcome(panel, password, fleet)
        return _watch(panel)


def _prepare(state_dir: Path, password: str) -> None:
    """Secrets, database and the admin's password, before any process of the panel starts."""
    secret_files.create_missing(state_dir)
    os.environ["WGPANEL_STATE_DIR"] = str(state_dir)
    os.environ.setdefault("WGPANEL_PLAIN_HTTP_NETWORKS", LAB_NETWORKS)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wgpanel.settings")
    os.environ["WGPANEL_ADMIN_PASSWORD"] = password
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", interactive=False, verbosity=0)
    call_command("ensure_admin", verbosity=0)
    del os.environ["WGPANEL_ADMIN_PASSWORD"]


def _start_fleet(undo: ExitStack, state_dir: Path) -> Fleet | None:
    if reason := _no_fleet():
        print(f"make run: the panel alone, without a demo fleet: {reason}")
        return None
    print(f"make run: starting {len(GROUPS)} servers and {CLIENTS} clients", flush=True)
    return undo.enter_context(
        Fleet(state_dir / "lab", groups=GROUPS, clients=CLIENTS, agents=False, by_hand=False)
    )


def _no_fleet() -> str | None:
    return "FLEET=0" if os.environ.get("FLEET") == "0" else capability.why_not()


def _join(fleet: Fleet, panel: Panel, rest: Rest) -> None:
    print("make run: letting the nodes join, each by a line with a one-use token", flush=True)
    for node in fleet.nodes:
        joining.return_or_join(rest, panel, node)
    fleet.note_down()


def _wait_until_online(fleet: Fleet) -> None:
    from nodes.models import Node, Status

    ids = [node.identity.node_id for node in fleet.nodes]
    deadline = time.monotonic() + ONLINE_SECONDS
    while Node.objects.filter(pk__in=ids, status=Status.ONLINE).count() < len(ids):
        if time.monotonic() > deadline:
            reasons = Node.objects.filter(pk__in=ids).values_list("name", "status_reason")
            raise LabError(f"not all nodes are online: {dict(reasons)}")
        time.sleep(0.2)


def _connect(fleet: Fleet, rest: Rest) -> None:
    """Interfaces and peers come from the panel, as an operator's would."""
    print("make run: giving each node an interface and each client a peer", flush=True)
    by_panel.give_interfaces(rest, fleet)
    by_panel.forget_earlier_clients(rest)
    for client in fleet.clients:
        by_panel.connect(rest, client)
    fleet.wait_for_handshakes()
    by_panel.wait_until_reported(rest, fleet)


def _welcome(panel: Panel, password: str, fleet: Fleet | None) -> None:
    told = f"{len(fleet.nodes)} nodes online, {len(fleet.clients)} clients" if fleet else "none"
    print(
        f"\n  wgpanel    {panel.url}/admin/\n  user       admin\n  password   {password}\n"
        f"  fleet      {told}\n  API        {panel.url}/api/docs/\n"
        f"  state      {panel.state_dir}\n\n  Ctrl-C stops everything.\n",
        flush=True,
    )


def _watch(panel: Panel) -> int:
    while panel.is_running:
        time.sleep(0.5)
    print(f"make run: the panel has ended; its logs are in {panel.state_dir / 'log'}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
