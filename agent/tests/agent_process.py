"""An agent's edge in a process of its own, for tests that kill it: PORT METRICS-PORT NONCE-FILE."""

import asyncio
import sys
from pathlib import Path

from wgpanel_agent.api.app import AgentApp
from wgpanel_agent.api.auth import Gate
from wgpanel_agent.api.limits import Limits
from wgpanel_agent.api.nonces import NonceStore
from wgpanel_agent.api.routes import METRICS_ONLY, ROUTES
from wgpanel_agent.api.server import serve
from wgpanel_agent.http import Call, Counters, Reply
from wgpanel_agent.protocol import derive_keys

SECRET = b"kX2v7Qm4Zt9Lw1Rb6Ny3Hc8Jd5Gf0Ps-agent-test"


async def answer(_: object, call: Call) -> Reply:
    await asyncio.sleep(float(call.query.get("wait", 0)))
    return Reply(200, {})


def main(port: str, metrics_port: str, nonces: str) -> None:
    keys = derive_keys("3f0c8a52-6f0e-4f0a-9f57-0a4d3b7f1c11", 1, SECRET)
    counters, limits = Counters(), Limits()
    gate = Gate({keys.keyid: keys}, NonceStore(Path(nonces)), counters=counters, limits=limits)
    handlers = {route.handler: answer for route in ROUTES}
    app, metrics_app = (
        AgentApp(None, handlers, gate, counters=counters, limits=limits, routes=routes)
        for routes in (ROUTES, METRICS_ONLY)
    )
    asyncio.run(
        serve(
            app,
            "127.0.0.1",
            int(port),
            limits=limits,
            metrics_app=metrics_app,
            metrics_listen=("127.0.0.1", int(metrics_port)),
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
