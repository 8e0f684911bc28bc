"""The HTTP edge: route, gate, body, handler, envelope, signature, in this order."""

import functools
import hmac
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from wgpanel_agent.api.auth import Caller, Gate, Unauthorized, too_many_requests
from wgpanel_agent.api.incoming import (
    Disconnected,
    Headers,
    Receive,
    Request,
    Scope,
    check_encoding,
    check_length,
    parse_body,
    parse_query,
    read_body,
    target_of,
)
from wgpanel_agent.api.limits import Limiter, Limits, neighbourhood
from wgpanel_agent.api.once import Once, fingerprint
from wgpanel_agent.api.routes import ROUTES, Route, Router
from wgpanel_agent.desired.store import Store
from wgpanel_agent.http import Answer, Call, Counters, HttpError, Reply
from wgpanel_agent.protocol import JSON, sign_response

logger = logging.getLogger(__name__)

Handler = Callable[[Any, Call], Awaitable[Reply]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

SIGNATURE_FIELDS = (b"signature", b"signature-input")
UNAUTHORIZED = HttpError(401, "unauthorized", "The request is not signed with a key of this node.")
INTERNAL = HttpError(500, "internal", "The agent failed; its log says why.")


class AgentApp:
    """ASGI application. `agent` is handed to the handlers as it is; `handlers` has one for each
    `Route.handler`. With a `metrics_token`, /v1/metrics wants it as a bearer token. `once` keeps
    writes with an Idempotency-Key from being done twice."""

    def __init__(
        self,
        agent: object,
        handlers: Mapping[str, Handler],
        gate: Gate,
        *,
        counters: Counters,
        limits: Limits,
        routes: tuple[Route, ...] = ROUTES,
        metrics_token: str | None = None,
        once: Once | None = None,
    ) -> None:
        self._agent = agent
        self._handlers = {route.handler: handlers[route.handler] for route in routes}
        self._gate = gate
        self._counters = counters
        self._once = once or Once(Store(None))
        self._body_limit = limits.body
        self._public = {"health": Limiter(limits.health), "metrics": Limiter(limits.metrics)}
        self._router = Router(routes)
        self._bearer = f"Bearer {metrics_token}".encode() if metrics_token else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(target_of(scope), scope["headers"], receive)
        try:
            answer, caller = await self._answer(request)
        except Disconnected:
            return
        if caller:
            answer = self._signed(answer, caller)
        await send_answer(send, answer)

    def _signed(self, answer: Answer, caller: Caller) -> Answer:
        fields = sign_response(
            caller.keys,
            caller.received.binding,
            status=answer.status,
            body=answer.body,
            now=self._gate.clock(),
            content_type=answer.headers["content-type"],
            etag=answer.headers.get("etag"),
        )
        return replace(answer, headers=answer.headers | fields)

    async def _answer(self, request: Request) -> tuple[Answer, Caller | None]:
        """The answer, and who can be told that it is ours."""
        label, caller = "unknown", None
        try:
            route, params = self._router.find(request.target.method, request.target.path)
            label = route.template
            check_length(route, request.headers, self._body_limit)
            caller = self._identify(route, request)
            answer = await self._handle(route, params, request, caller)
        except Unauthorized:
            answer = error_answer(UNAUTHORIZED)
        except HttpError as error:
            answer = error_answer(error)
        except Disconnected:
            raise
        except Exception:  # the top of every request: log it and go on with the next
            logger.exception("failed to answer %s", label)
            answer = error_answer(INTERNAL)
        self._counters.requests[label, answer.status] += 1
        return answer, caller

    def _identify(self, route: Route, request: Request) -> Caller | None:
        """The signer; None for an unsigned request of a public route. Raises Unauthorized."""
        if not route.public or any(name in SIGNATURE_FIELDS for name, _ in request.headers):
            return self._gate.identify(request.target, request.headers)
        if not self._public[route.handler].allows(neighbourhood(request.target.source)):
            raise too_many_requests()
        if route.handler == "metrics" and not self._bears_token(request.headers):
            self._counters.auth_failures["bad_token"] += 1
            raise Unauthorized
        return None

    def _bears_token(self, headers: Headers) -> bool:
        if self._bearer is None:
            return True
        sent = [value for name, value in headers if name == b"authorization"]
        return len(sent) == 1 and hmac.compare_digest(sent[0], self._bearer)

    async def _handle(
        self, route: Route, params: dict[str, str], request: Request, caller: Caller | None
    ) -> Answer:
        body = None
        if caller:
            self._gate.check_fresh(caller)
            check_encoding(request.headers)
            raw = await read_body(request.receive)
            self._gate.check_body(caller, raw)
            body = parse_body(raw, caller.received.content_type)
        call = Call(
            params,
            parse_query(request.target.query),
            body,
            signed=caller is not None,
            if_match=caller.received.if_match if caller else None,
            keyid=caller.keys.keyid if caller else "",
        )
        act = functools.partial(self._act, route, call)
        key = caller.received.idempotency_key if caller else None
        if caller is None or key is None or route.method == "GET":
            return await act()
        target = request.target
        asked = fingerprint(target.method, target.path, target.query, caller.received)
        return await self._once(key, asked, params.get("iface", ""), act)

    async def _act(self, route: Route, call: Call) -> Answer:
        return rendered(await self._handlers[route.handler](self._agent, call))


async def send_answer(send: Send, answer: Answer) -> None:
    headers = [(name.encode(), value.encode()) for name, value in answer.headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


def error_answer(error: HttpError) -> Answer:
    return rendered(Reply(error.status, error.envelope(), error.headers))


def rendered(reply: Reply) -> Answer:
    body = reply.body
    if not isinstance(body, bytes):
        body = json.dumps(body, separators=(",", ":"), allow_nan=False).encode()
    always = {"content-length": str(len(body)), "cache-control": "no-store"}
    return Answer(reply.status, body, {"content-type": JSON} | reply.headers | always)
