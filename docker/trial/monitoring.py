"""The profile `monitoring`: Prometheus with its files as they are finds panel and agents."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from docker.trial.rest import new_token
from docker.trial.stack import (
    FILES,
    ProofFailed,
    compose,
    namespace_of,
    run,
    say,
    until,
    wait_until_healthy,
)

DOCKER = FILES[0].parent
SCRAPED_SECONDS = 120.0  # a list of targets every 30 s, a scrape every 15 s


def start() -> None:
    """By the words of README.md: with a token for the list of targets."""
    secrets = Path(os.environ["WGPANEL_SECRETS"])
    (secrets / "targets_token").write_text(new_token("prometheus"))
    run(str(DOCKER / "secrets.sh"), str(secrets))
    compose("--profile", "monitoring", "up", "-d", "--no-deps", "prometheus")
    wait_until_healthy("prometheus")


def check(nodes: set[str], webs: int) -> None:
    _wait("every web container is scraped", "wgpanel", lambda up: len(up) == webs)
    _wait("every agent is scraped", "wgpanel-agents", lambda up: {it["node"] for it in up} == nodes)
    wanted = yaml.safe_load((DOCKER / "prometheus" / "rules.yml").read_text())["groups"]
    loaded = _ask("rules")["groups"]
    if {it["name"] for it in loaded} != {it["name"] for it in wanted}:
        raise ProofFailed(f"Prometheus has other rules: {loaded}")
    say(f"Prometheus scrapes {webs} web containers and {len(nodes)} agents, and has its rules")
    for job in ("wgpanel", "wgpanel-agents"):
        [most] = _ask(f"query?query=max(scrape_samples_scraped%7Bjob=%22{job}%22%7D)")["result"]
        say(f"a target of {job} tells {most['value'][1]} series")


def _wait(what: str, job: str, is_so: Callable[[list[dict[str, str]]], bool]) -> None:
    def ask() -> bool:
        targets = [it for it in _ask("targets")["activeTargets"] if it["labels"]["job"] == job]
        if is_so([it["labels"] for it in targets if it["health"] == "up"]):
            return True
        raise ProofFailed(str([(it["scrapeUrl"], it["lastError"]) for it in targets]))

    until(what, ask, SCRAPED_SECONDS)


def _ask(path: str) -> Any:
    """Nothing of it is published: it is asked where it is."""
    url = f"http://127.0.0.1:9090/api/v1/{path}"
    curl = ("curl", "--silent", "--show-error", "--fail", "--noproxy", "*", url)
    return json.loads(run(*namespace_of("prometheus"), *curl))["data"]
