"""What a fan-out costs by itself: aiohttp as one writes it first, its answers thrown away.

A session, a semaphore, gather; in a process of its own, so that only its own CPU is counted.
"""

import asyncio
import multiprocessing
import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection

import aiohttp

IN_FLIGHT = 300
STOP_SECONDS = 10
KEEP_ALIVE_SECONDS = 60
FILES_BESIDE = 1000  # what a process has open besides a connection for each node


@dataclass(frozen=True)
class Cost:
    """Of one node: seconds on the clock, and seconds of the process's CPU."""

    wall: float
    cpu: float

    @classmethod
    def of(cls, act: Callable[[], object], nodes: int) -> "Cost":
        wall, cpu = time.perf_counter(), time.process_time()
        act()
        return cls((time.perf_counter() - wall) / nodes, (time.process_time() - cpu) / nodes)


class BareFanout:
    """The process; each round asks all URLs once, over connections that stay open."""

    def __init__(self, urls: Sequence[str]):
        spawn = multiprocessing.get_context("spawn")
        self._pipe, self._its_pipe = spawn.Pipe()
        self._process = spawn.Process(target=_serve, args=(self._its_pipe, urls), daemon=True)

    def __enter__(self) -> "BareFanout":
        self._process.start()
        self._its_pipe.close()  # should it die, waiting for its word raises EOFError
        return self

    def __exit__(self, *_: object) -> None:
        self._pipe.send(False)
        self._process.join(STOP_SECONDS)

    def round(self) -> Cost:
        self._pipe.send(True)
        cost: Cost = self._pipe.recv()
        return cost


def _serve(pipe: Connection, urls: Sequence[str]) -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(urls) + FILES_BESIDE, hard))
    with asyncio.Runner() as runner:
        session = runner.run(_new_session())
        while pipe.recv():
            pipe.send(Cost.of(lambda: runner.run(_ask_all(session, urls)), len(urls)))
        runner.run(session.close())


async def _new_session() -> aiohttp.ClientSession:
    # ssl=False: TLS where the URL says so, and no look at the certificate. With aiohttp's own 15 s
    # of idleness each round at 5,000 nodes would shake hands anew, which ours is spared.
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ssl=False, keepalive_timeout=KEEP_ALIVE_SECONDS)
    )


async def _ask_all(session: aiohttp.ClientSession, urls: Sequence[str]) -> None:
    places = asyncio.Semaphore(IN_FLIGHT)

    async def ask(url: str) -> bytes:
        async with places, session.get(url) as response:
            return await response.read()

    await asyncio.gather(*(ask(url) for url in urls))
