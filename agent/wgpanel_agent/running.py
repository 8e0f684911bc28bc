"""Run the agent: the sampler and the HTTP server, until a signal."""

import asyncio
import gc
import logging
import os
import resource
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from wgpanel_agent.agent import Agent
from wgpanel_agent.api import desired_handlers, handlers, key_handlers, lifecycle_handlers
from wgpanel_agent.api.app import AgentApp, Handler
from wgpanel_agent.api.auth import Gate
from wgpanel_agent.api.limits import Limits, Rate
from wgpanel_agent.api.nonces import NonceStore
from wgpanel_agent.api.once import Once
from wgpanel_agent.api.routes import METRICS_ONLY, ROUTES, Route
from wgpanel_agent.api.server import serve
from wgpanel_agent.config import Config
from wgpanel_agent.desired.store import Store
from wgpanel_agent.keys import key_ring
from wgpanel_agent.keys.key_ring import KeyRing
from wgpanel_agent.service_manager import READY, STOPPING, ServiceManager
from wgpanel_agent.tls import server_context

logger = logging.getLogger(__name__)

HANDLER_MODULES = (handlers, desired_handlers, lifecycle_handlers, key_handlers)
NEW_OBJECTS = 10_000  # between collections: at the usual 700 they are a fifth of reading peers
BURST_SECONDS = 5  # of a public route's rate that may come at once


async def run(config: Config) -> None:
    """Returns after SIGTERM or SIGINT. Raises OSError where an address or folder cannot be had."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core would hold keys
    store = Store(_state_dir(config.state_dir), config.interfaces)
    agent = Agent(config, store, _keys(config))
    nonces = NonceStore(config.state_dir / "nonces", capacity=limits_of(config).nonces)
    manager = ServiceManager(os.environ)
    try:
        async with _at_work(agent, manager):
            await _serve(agent, nonces, manager)
            manager.tell(STOPPING)
    finally:
        nonces.close()
        store.close()


@asynccontextmanager
async def _at_work(agent: Agent, manager: ServiceManager) -> AsyncIterator[None]:
    """Interfaces are as desired before anybody is answered; files follow to the end."""
    await agent.sampler.look()
    await agent.repairer.start([state.name for state in agent.sampler.managed])
    acts = (agent.sampler.run, agent.repairer.run, manager.keep_alive)
    tasks = [asyncio.create_task(act()) for act in acts]
    gc.freeze()  # what is loaded by now stays; no collection needs to walk it again
    gc.set_threshold(NEW_OBJECTS)
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await agent.files.flush()


def limits_of(config: Config) -> Limits:
    def rate(per_second: float, seconds: float = 1) -> Rate:
        return Rate(per_second, max(1, int(per_second * seconds)))

    return Limits(
        per_key=rate(config.requests_per_second),
        health=rate(config.health_per_second),
        metrics=rate(config.metrics_per_second, BURST_SECONDS),
    )


async def _serve(agent: Agent, nonces: NonceStore, manager: ServiceManager) -> None:
    config, limits = agent.config, limits_of(agent.config)
    gate = Gate(agent.keys, nonces, counters=agent.counters, limits=limits)

    once = Once(agent.store)

    def app(routes: tuple[Route, ...]) -> AgentApp:
        return AgentApp(
            agent,
            {route.handler: handler_of(route) for route in routes},
            gate,
            counters=agent.counters,
            limits=limits,
            routes=routes,
            metrics_token=config.metrics_token,
            once=once,
        )

    elsewhere = config.metrics_listen is not None
    manner = "TLS" if config.tls else "plain HTTP"
    logger.info("node %s listens on %s:%d, %s", config.node_id, *config.listen, manner)
    await serve(
        app(tuple(r for r in ROUTES if r not in METRICS_ONLY) if elsewhere else ROUTES),
        *config.listen,
        limits=limits,
        tls=server_context(config.tls) if config.tls else None,
        metrics_app=app(METRICS_ONLY),
        metrics_listen=config.metrics_listen,
        ready=lambda: manager.tell(READY),
    )


def handler_of(route: Route) -> Handler:
    """Each module of handlers has some of them."""
    found: Handler = next(
        getattr(module, route.handler)
        for module in HANDLER_MODULES
        if hasattr(module, route.handler)
    )
    return found


def _keys(config: Config) -> KeyRing:
    path = config.state_dir / key_ring.FILE
    return KeyRing(config.node_id, config.secret_seq, config.secret, path)


def _state_dir(path: Path) -> Path:
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path
