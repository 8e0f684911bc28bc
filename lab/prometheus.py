"""A real Prometheus, with the configuration that comes with the panel."""

import math
import shutil
import time
from pathlib import Path
from typing import Any

import requests

from deploy import prometheus as delivered
from lab.errors import LabError
from lab.process import Process

READY_SECONDS = 30.0
INTERVAL = "1s"


class Prometheus(Process):
    """Scrapes the panel at ADDRESS:PORT and the agents that it is told of there."""

    def __init__(self, folder: Path, port: int, panel: str, targets_token: str) -> None:
        (folder / "targets_token").write_text(targets_token)
        (folder / "metrics_token").write_text("none is set: the panel answers its own host")
        configuration = folder / "prometheus.yml"
        configuration.write_text(delivered.configuration_for(panel, folder, INTERVAL))
        self.url = f"http://127.0.0.1:{port}"
        self.log = folder / "prometheus.log"
        super().__init__(_words(folder, configuration, port), self.log)

    def __enter__(self) -> "Prometheus":
        self.start()
        self._wait_until_ready()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the series of an instant query that have a number."""
        answer = requests.get(f"{self.url}/api/v1/query", {"query": expression}, timeout=10)
        told = answer.json()
        if told["status"] != "success":
            raise LabError(f"{expression}: {told['error']}")
        series: list[dict[str, Any]] = told["data"]["result"]
        return [it for it in series if not math.isnan(float(it["value"][1]))]

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while not self._is_ready():
            if not self.is_running or time.monotonic() > deadline:
                raise LabError(f"Prometheus is not ready:\n{self.log.read_text()[-2000:]}")
            time.sleep(0.2)

    def _is_ready(self) -> bool:
        try:
            return requests.get(f"{self.url}/-/ready", timeout=2).ok
        except requests.RequestException:
            return False


def _words(folder: Path, configuration: Path, port: int) -> tuple[str, ...]:
    program = shutil.which("prometheus")
    if program is None:
        raise LabError("prometheus is not installed: apt-get install prometheus")
    return (
        program, f"--config.file={configuration}", f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn",
    )  # fmt: skip
