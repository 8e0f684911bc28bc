"""The real agent of one node: its environment, its process, its /health."""

import http.client
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from wgpanel_agent.joining.certificate import CERTIFICATE_FILE, make, pin_of_file
from wgpanel_agent.tls import FOLDER, client_context

from lab.errors import LabError
from lab.host import Host
from lab.identity import Identity
from lab.process import Process

PORT = 8080
HEALTHY_SECONDS = 20.0


class Agent(Process):
    """`python -m wgpanel_agent run` on its host; it reads its secret from a file of its own."""

    def __init__(
        self, host: Host, identity: Identity, settings: Mapping[str, str] | None = None
    ) -> None:
        words = host.namespace.words(sys.executable, "-m", "wgpanel_agent", "run")
        self.address = host.address4
        self.log = host.folder / "agent.log"
        self._secret = identity.secret
        self._tls = host.folder / "agent" / FOLDER
        self._secret_file = host.folder / "secret"
        own = agent_settings(host, identity, self._secret_file)
        super().__init__(words, self.log, {**own, **(settings or {})})

    @property
    def url(self) -> str:
        return f"{'https' if self.pin else 'http'}://{self.address}:{PORT}"

    @property
    def pin(self) -> str:
        """Of its certificate; empty while it has none and speaks plain HTTP."""
        certificate = self._tls / CERTIFICATE_FILE
        return pin_of_file(certificate) if certificate.exists() else ""

    def give_certificate(self) -> None:
        """One that it keeps from run to run; from its next start on it speaks TLS."""
        if not self.pin:
            make(self._tls)

    def write_secret(self) -> None:
        """What an operator pastes into /etc/wgpanel-agent/secret."""
        self._secret_file.touch(mode=0o600)
        self._secret_file.write_text(self._secret)

    @property
    def is_healthy(self) -> bool:
        return answers_healthy(self.url)

    def wait_until_healthy(self) -> None:
        """Raises LabError with the end of the log if the agent dies or takes too long."""
        deadline = time.monotonic() + HEALTHY_SECONDS
        while not self.is_healthy:
            if not self.is_running or time.monotonic() > deadline:
                raise LabError(f"agent on {self.address} is not healthy:\n{self.last_words()}")
            time.sleep(0.05)

    def last_words(self) -> str:
        """The last lines of the log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])

    def restart(self) -> None:
        """What systemd does on `restart`: the interface stays."""
        self.stop()
        self.start()
        self.wait_until_healthy()


def answers_healthy(url: str) -> bool:
    """GET /health of the agent there says that all is well, within 2 s."""
    return answer_to_a_stranger(url, "/health") == http.HTTPStatus.OK


def answer_to_a_stranger(url: str, path: str) -> int | None:
    """The status of an unsigned GET; None without an answer within 2 s."""
    connection = _connection(urlsplit(url))
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def _connection(url: SplitResult) -> http.client.HTTPConnection:
    if url.scheme == "https":
        return http.client.HTTPSConnection(url.netloc, timeout=2, context=client_context())
    return http.client.HTTPConnection(url.netloc, timeout=2)


def agent_settings(host: Host, identity: Identity, secret: Path) -> Mapping[str, str]:
    """The agent's own configuration: plain HTTP on its lab address, unless it has a certificate.

    After joining it is what the agent wrote, but for the address, which may be new in each lab.
    """
    listen = {"WGPANEL_AGENT_LISTEN": f"{host.address4}:{PORT}"}
    if host.agent_settings.exists():
        return {"WGPANEL_AGENT_CONFIG": str(host.agent_settings), **listen}
    return {
        **listen,
        "WGPANEL_AGENT_NODE_ID": identity.node_id,
        "WGPANEL_AGENT_SECRET_FILE": str(secret),
        "WGPANEL_AGENT_STATE_DIR": str(host.folder / "agent"),
    }
