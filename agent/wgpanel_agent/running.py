"""Run the agent: the sampler and the HTTP server, until a signal."""

import asyncio
import gc
import logging
import resource
from pathlib import Path

from wgpanel_agent import handlers
from wgpanel_agent.agent import Agent
from wgpanel_agent.app import AgentApp
from wgpanel_agent.auth import Gate
from wgpanel_agent.config import Config
from wgpanel_agent.limits import Limits, Rate
from wgpanel_agent.nonces import NonceStore
from wgpanel_agent.routes import METRICS_ONLY, ROUTES, Route
from wgpanel_agent.server import serve

logger = logging.getLogger(__name__)

BURST_SECONDS = 5  # of a public route's rate that may come at once


async def run(config: Config) -> None:
    """Returns after SIGTERM or SIGINT. Raises OSError where an address or folder cannot be had."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core would hold keys
    agent = Agent(config)
    nonces = NonceStore(_state_dir(config.state_dir) / "nonces", capacity=limits_of(config).nonces)
    sampling = asyncio.create_task(agent.sampler.run())
    gc.freeze()  # what is loaded by now stays; no collection needs to walk it again
    try:
        await _serve(agent, nonces)
    finally:
        sampling.cancel()
        nonces.close()


def limits_of(config: Config) -> Limits:
    def rate(per_second: float, seconds: float = 1) -> Rate:
        return Rate(per_second, max(1, int(per_second * seconds)))

    return Limits(
        per_key=rate(config.requests_per_second),
        health=rate(config.health_per_second),
        metrics=rate(config.metrics_per_second, BURST_SECONDS),
    )


async def _serve(agent: Agent, nonces: NonceStore) -> None:
    config, limits = agent.config, limits_of(agent.config)
    gate = Gate(agent.keys, nonces, counters=agent.counters, limits=limits)

    def app(routes: tuple[Route, ...]) -> AgentApp:
        return AgentApp(
            agent,
            {route.handler: getattr(handlers, route.handler) for route in routes},
            gate,
            counters=agent.counters,
            limits=limits,
            routes=routes,
            metrics_token=config.metrics_token,
        )

    elsewhere = config.metrics_listen is not None
    logger.info("node %s listens on %s:%d", config.node_id, *config.listen)
    await serve(
        app(tuple(r for r in ROUTES if r not in METRICS_ONLY) if elsewhere else ROUTES),
        *config.listen,
        limits=limits,
        metrics_app=app(METRICS_ONLY),
        metrics_listen=config.metrics_listen,
    )


def _state_dir(path: Path) -> Path:
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path
