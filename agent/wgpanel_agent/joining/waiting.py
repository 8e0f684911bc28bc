"""`wgpanel-agent enrol --wait`: let the panel call, where this node cannot reach it.

The panel proves the token before it is told anything; it then gets our hello with our proof, and
brings its offer with the proof of both. The hello names the certificate that we show here, so that
nobody can be in between. Killed at any point, both sides say the same bytes again.
"""

import argparse
import asyncio
import json
import socket
import sys
from typing import Any

from wgpanel_agent.api.app import Send, error_answer, rendered, send_answer
from wgpanel_agent.api.incoming import (
    Disconnected,
    Receive,
    Scope,
    check_encoding,
    check_length,
    parse_body,
    read_body,
    target_of,
)
from wgpanel_agent.api.limits import Limits
from wgpanel_agent.api.routes import Route, Router
from wgpanel_agent.api.server import EdgeServer, listen, make_server
from wgpanel_agent.config import SETTINGS
from wgpanel_agent.http import Answer, HttpError, Reply
from wgpanel_agent.joining.certificate import CERTIFICATE_FILE, KEY_FILE
from wgpanel_agent.joining.enrolment import Attempt, Joined, begin
from wgpanel_agent.joining.joining_files import CannotJoin
from wgpanel_agent.proof import MOST_TEXT, PROTOCOL, ProofError, Token, check_call, prove_hello
from wgpanel_agent.tls import Identity, server_context

MOST_WRONG_PROOFS = 5
LIMITS = Limits(body=4 * MOST_TEXT, connections=64, handshakes=64)
ROUTER = Router((Route("POST", "/v1/join/call", "call"), Route("POST", "/v1/join/offer", "offer")))
UNAUTHORIZED = HttpError(401, "unauthorized", "The token or its proof is not right.")
BURNT = (
    "five wrong proofs came with this token, so it is worth nothing any more: make a new one in"
    " the panel"
)


def wait(arguments: argparse.Namespace) -> Joined:
    """Raises CannotJoin, ProofError, BadCertificate and OSError."""
    if arguments.panel or arguments.pin or arguments.no_tls:
        raise CannotJoin("--wait goes with neither URL, --pin nor --no-tls: the panel calls by TLS")
    attempt = begin(arguments, Token.parse(arguments.token))
    try:
        visited = asyncio.run(_be_called(attempt, arguments.listen, arguments.wait))
    except KeyboardInterrupt as error:
        raise CannotJoin("ended before the panel called; the same line goes on") from error
    if visited.joined is None:
        raise visited.fault or CannotJoin(
            f"the panel did not call within {arguments.wait} minutes: the token's page says what it"
            f" met, and {arguments.listen} must be open to it. Make a new token, and try again"
        )
    return visited.joined


async def _be_called(attempt: Attempt, place: str, minutes: int) -> "Visits":
    folder = attempt.places.draft_folder
    context = server_context(Identity(folder / CERTIFICATE_FILE, folder / KEY_FILE))
    visits = Visits(attempt)
    visits.server = make_server(visits, LIMITS, context)
    listener = _listen(place)
    sys.stdout.write(f"waiting on {place} until the panel calls, {minutes} minutes at most\n")
    sys.stdout.flush()
    asyncio.get_running_loop().call_later(60 * minutes, visits.end)
    await visits.server.serve(sockets=[listener])
    return visits


def _listen(place: str) -> socket.socket:
    """Raises CannotJoin."""
    try:
        return listen(*SETTINGS["listen"](place))
    except OSError as error:
        raise CannotJoin(
            f"cannot wait on {place}: {error.strerror}. If the agent runs there, stop it until this"
            " is done: systemctl stop wgpanel-agent"
        ) from error


class Visits:
    """ASGI application: the panel's two questions, and what came of them."""

    server: EdgeServer

    def __init__(self, attempt: Attempt) -> None:
        self._attempt, self._wrong_proofs = attempt, 0
        self.joined: Joined | None = None
        self.fault: Exception | None = None

    def end(self) -> None:
        self.server.should_exit = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            answer = await self._answer(scope, receive)
        except HttpError as error:
            answer = error_answer(error)
        except Disconnected:
            return
        await send_answer(send, answer)
        if self.joined or self.fault:
            self.end()

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        target, headers = target_of(scope), scope["headers"]
        route, _ = ROUTER.find(target.method, target.path)
        check_length(route, headers, LIMITS.body)
        check_encoding(headers)
        kind = next((value for name, value in headers if name == b"content-type"), b"")
        said = _texts(parse_body(await read_body(receive), kind.decode("latin-1")), route.handler)
        if self.fault or said["token"] != self._attempt.token.lookup:
            raise UNAUTHORIZED
        return rendered(Reply(200, self._proven(route.handler, said)))

    def _proven(self, what: str, said: dict[str, str]) -> dict[str, Any]:
        try:
            return self._hello(said) if what == "call" else self._take(said)
        except ProofError as error:
            self._wrong_proofs += 1
            if self._wrong_proofs >= MOST_WRONG_PROOFS:
                self._attempt.places.forget_draft()
                self.fault = CannotJoin(BURNT)
            raise UNAUTHORIZED from error
        except OSError as error:
            self.fault = error
            raise HttpError(500, "internal", "The node cannot write its settings.") from error

    def _hello(self, said: dict[str, str]) -> dict[str, Any]:
        key, hello = self._attempt.token.key, self._attempt.draft.hello
        check_call(key, said["call"], said["proof"])
        if json.loads(said["call"]).get("protocol") != PROTOCOL:
            raise HttpError(422, "invalid", f"This agent joins by protocol {PROTOCOL}.")
        return {"hello": hello, "proof": prove_hello(key, hello)}

    def _take(self, offer: dict[str, str]) -> dict[str, Any]:
        self.joined = self.joined or self._attempt.accept(offer)
        return {"state": "joined"}


def _texts(body: Any, what: str) -> dict[str, str]:
    """Raises HttpError 422 for anything but the three texts of a question."""
    names = {"token", what, "proof"}
    if not isinstance(body, dict) or body.keys() != names:
        raise HttpError(422, "invalid", f"The body must have {', '.join(sorted(names))}.")
    if not all(isinstance(value, str) for value in body.values()):
        raise HttpError(422, "invalid", "The body must have texts only.")
    return body
