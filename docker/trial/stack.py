"""The containers of the try: podman and podman-compose, and patience with them."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import requests

HERE = Path(__file__).resolve().parent
PROJECT = "wgpanel-try"
FILES = (HERE.parent / "compose.yml", HERE.parent / "own-certificate.yml",
         HERE / "compose.override.yml")  # fmt: skip
REPLICAS = {"web": 2, "worker": 2}
T = TypeVar("T")
PATIENCE = 150.0  # seconds, with 2 cores that others use as well


class ProofFailed(Exception):
    """What was not as it should be, in a sentence."""


def say(text: str) -> None:
    sys.stderr.write(f"prove: {text}\n")


def run(*words: str, stdin: str = "") -> str:
    """Return what it printed; raises ProofFailed with its complaint."""
    done = subprocess.run(
        words, input=stdin, capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    if done.returncode:
        raise ProofFailed(f"{' '.join(words)[:200]}: {(done.stderr or done.stdout)[-2000:]}")
    return done.stdout


def compose(*words: str) -> str:
    files = [word for file in FILES for word in ("-f", str(file))]
    program = str(Path(sys.executable).with_name("podman-compose"))
    return run(program, "-p", PROJECT, *files, *words)


def containers(service: str) -> list[str]:
    """The names of its running containers, as many as there should be."""
    label = f"label=com.docker.compose.service={service}"
    names = run("podman", "ps", "--format", "{{.Names}}", "--filter", label).split()
    if len(names) != REPLICAS.get(service, 1):
        raise ProofFailed(f"{service} runs {len(names)} times")
    return names


def until(what: str, ask: Callable[[], T | None], seconds: float = PATIENCE) -> T:
    """Return the first answer; what fails meanwhile is told when time is up."""
    deadline, problem = time.monotonic() + seconds, "no"
    while time.monotonic() < deadline:
        try:
            if (answer := ask()) is not None:
                return answer
        except (ProofFailed, requests.RequestException) as error:
            problem = str(error)
        time.sleep(0.5)
    raise ProofFailed(f"{what}: not within {seconds:g} s: {problem}")


def namespace_of(service: str) -> tuple[str, ...]:
    """The words before a command that is to be run in the network of its container."""
    [name] = containers(service)
    pid = run("podman", "inspect", "--format", "{{.State.Pid}}", name).strip()
    return ("nsenter", "-t", pid, "-n")


def wait_until_healthy(service: str) -> None:
    """By the service's own health check, which podman runs only where systemd wakes it."""

    def healthy() -> bool:
        for name in containers(service):
            run("podman", "healthcheck", "run", name)
        return True

    until(f"{service} is healthy", healthy)
    say(f"{service} is healthy")
