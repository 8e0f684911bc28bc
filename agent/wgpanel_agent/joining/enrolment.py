"""`wgpanel-agent enrol`: join a panel with the token of one line; write the agent's settings."""

import argparse
import asyncio
import json
import os
import socket
import sys
import time
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wgpanel_agent import __version__
from wgpanel_agent.config import CONFIG_VARIABLE, DEFAULT_FILE, DEFAULT_STATE_DIR, SETTINGS
from wgpanel_agent.host.wireguard import Running, WireGuard, WireGuardError
from wgpanel_agent.joining.joining_files import CannotJoin, Draft, Places
from wgpanel_agent.joining.panel_connection import Answer, NoAnswer, PanelAddress
from wgpanel_agent.proof import PROTOCOL, Agreement, ProofError, Share, Token, prove_hello

PATIENCE_SECONDS = 60  # for a panel that does not answer
PAUSE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Joined:
    """What the panel made of this node."""

    name: str
    node_id: str
    agent_url: str


def enrol(arguments: argparse.Namespace) -> Joined:
    """Raises CannotJoin, ProofError and OSError."""
    if not arguments.panel:
        raise CannotJoin("say where the panel is, like https://panel.example, or --wait for it")
    token = Token.parse(arguments.token)
    panel = PanelAddress.parse(
        arguments.panel, arguments.pin, allow_plain_http=arguments.allow_plain_http
    )
    attempt = begin(arguments, token)
    return attempt.accept(_ask(panel, token, attempt.draft))


@dataclass(frozen=True, slots=True)
class Attempt:
    """To join with this token; `settings` are those that the command line names."""

    token: Token
    places: Places
    draft: Draft
    settings: dict[str, Any]

    def accept(self, answer: dict[str, Any]) -> Joined:
        """Verify the panel's proof, then write what comes of it. Raises ProofError."""
        offer, hello, places = str(answer.get("offer", "")), self.draft.hello, self.places
        told = _told(offer)
        share = Share(bytes.fromhex(self.draft.share))
        agreed = Agreement.reach(
            self.token.key, share, str(told.get("share", "")), hello=hello, offer=offer
        )
        agreed.check_offer(str(answer.get("proof", "")))
        said = json.loads(hello)
        learnt = {
            "node_id": told["node_id"], "secret_seq": told["secret_seq"],
            "secret_file": str(places.secret), "state_dir": str(places.state_dir),
            "interfaces": said["managed"],
        }  # fmt: skip
        places.finish(agreed.secret, {**self.settings, **learnt}, has_tls=bool(said["tls_pin"]))
        return Joined(told["name"], told["node_id"], told["agent_url"])


def begin(arguments: argparse.Namespace, token: Token) -> Attempt:
    """Anew, or where an attempt with this token was interrupted. Raises CannotJoin."""
    places = _places(arguments)
    draft = places.draft(token.lookup)
    if draft is None:
        draft = _begin(arguments, token, places)
    _check_same(arguments, json.loads(draft.hello))
    return Attempt(token, places, draft, _settings(arguments))


def _places(arguments: argparse.Namespace) -> Places:
    config = Path(os.environ.get(CONFIG_VARIABLE) or DEFAULT_FILE)
    known = Places(config, DEFAULT_STATE_DIR).settings().get("state_dir", DEFAULT_STATE_DIR)
    return Places(config, arguments.state_dir or Path(known))


def _settings(arguments: argparse.Namespace) -> dict[str, Any]:
    plain = {"allow_plain_http": True} if arguments.no_tls else {}
    return {"listen": arguments.listen, **plain}


def _begin(arguments: argparse.Namespace, token: Token, places: Places) -> Draft:
    settings = places.settings()
    if settings.get("node_id") and not arguments.again:
        raise CannotJoin(
            f"this node has joined a panel before ({places.config}). To join again, choose"
            " “Re-enrol” on the node's page in the panel, and add --again to its line"
        )
    share = Share.new()
    hello = {
        **_facts(arguments, settings), "protocol": PROTOCOL, "token": token.lookup,
        "share": share.public, **_chosen(arguments),
        "tls_pin": "" if arguments.no_tls else places.new_certificate(),
    }  # fmt: skip
    draft = Draft(token.lookup, share.private.hex(), json.dumps(hello))
    places.keep(draft)
    return draft


def _chosen(arguments: argparse.Namespace) -> dict[str, Any]:
    """What of the command line is said to the panel."""
    return {
        "port": _port(arguments.listen), "agent_url": arguments.url,
        "panel_url": arguments.panel or "", "panel_pin": arguments.pin,
    }  # fmt: skip


def _check_same(arguments: argparse.Namespace, said: dict[str, Any]) -> None:
    """What an interrupted attempt said may have been heard, and stands. Raises CannotJoin."""
    if {**said, **_chosen(arguments)} != said or bool(said["tls_pin"]) == arguments.no_tls:
        raise CannotJoin(
            "this token was used here before with other options: paste the line as it was then, or"
            " make a new one in the panel"
        )


def _port(listen: str) -> int:
    """Raises CannotJoin."""
    try:
        return int(SETTINGS["listen"](listen)[1])
    except ValueError as error:
        raise CannotJoin(f"--listen {error}") from error


def _facts(arguments: argparse.Namespace, settings: dict[str, Any]) -> dict[str, Any]:
    """What there is on this node; it is looked at, and nothing of it is touched.

    No interface is named unasked: one that is missing would be a fault, and those that the panel
    makes need no name here.
    """
    found = asyncio.run(_existing_interfaces())
    kept = settings.get("interfaces", [])
    kept = kept.replace(",", " ").split() if isinstance(kept, str) else kept
    named = list(SETTINGS["interfaces"](arguments.interfaces)) or kept
    return {
        "host": _host_name(), "version": __version__, "node_id": settings.get("node_id", ""),
        "managed": named,
        "interfaces": [
            {"name": it.name, "public_key": it.public_key or "",
             "listen_port": it.listen_port or 0, "peers": len(it.peers)}
            for it in found.values()
        ],
    }  # fmt: skip


async def _existing_interfaces() -> dict[str, Running]:
    try:
        return (await WireGuard(lambda _key, _psk: "").look_at_all()).interfaces
    except WireGuardError:  # not installed yet, which `doctor` will say
        return {}


def _host_name() -> str:
    """As the panel accepts it as a name."""
    name = "".join(c for c in socket.gethostname() if unicodedata.category(c)[0] in "LNPS")
    return name[:64] or "node"


def _ask(panel: PanelAddress, token: Token, draft: Draft) -> dict[str, Any]:
    """Say the same bytes until the panel has made up its mind."""
    body = {
        "token": token.lookup, "hello": draft.hello, "proof": prove_hello(token.key, draft.hello),
    }  # fmt: skip
    give_up = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            answer = panel.post(body)
        except NoAnswer as error:
            answer = Answer(503, {"detail": str(error)})
        if answer.status == 200:
            return answer.body
        if answer.status == 202:
            give_up = time.monotonic() + PATIENCE_SECONDS
            sys.stdout.write("waiting for an operator to let this node in\n")
        elif answer.status not in (429, 502, 503, 504) or time.monotonic() > give_up:
            raise CannotJoin(f"the panel refused ({answer.status}): {answer.detail}")
        sys.stdout.flush()
        time.sleep(PAUSE_SECONDS)


def _told(offer: str) -> dict[str, Any]:
    """Only read where to find the share; nothing of it is believed before its proof is checked."""
    try:
        told = json.loads(offer)
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        raise ProofError("the answer is not one of a panel")
    return told
