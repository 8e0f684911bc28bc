"""How an agent that joins reaches its panel: by the line's pin, or by a certificate that a public
authority signed; plain HTTP where nobody can be on the way, or where the operator says so."""

import hashlib
import hmac
import http.client
import ipaddress
import json
import re
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from wgpanel_agent.config import LAB_NETWORK
from wgpanel_agent.joining.joining_files import CannotJoin
from wgpanel_agent.proof import HEX_KEY
from wgpanel_agent.tls import client_context

TIMEOUT_SECONDS = 20
MOST_ANSWER = 65_536
PATH = "/api/v1/enrol/"


class NoAnswer(Exception):
    """Nobody answered now; it may be otherwise in a moment."""


class WrongPanel(CannotJoin):
    """Somebody else answers at the panel's address."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: dict[str, Any]

    @property
    def detail(self) -> str:
        return str(self.body.get("detail", ""))[:300]


@dataclass(frozen=True, slots=True)
class PanelAddress:
    """`pin` is the SHA-256 of the panel's certificate; empty: a public authority signed it."""

    host: str
    port: int
    is_tls: bool
    pin: str = ""

    @classmethod
    def parse(cls, url: str, pin: str, *, allow_plain_http: bool) -> "PanelAddress":
        """Raises CannotJoin."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            parts, port = urlsplit(""), None
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/"):
            raise CannotJoin(
                f"{url} is no address of a panel: it must be like https://panel.example"
            )
        if pin and not re.fullmatch(HEX_KEY, pin):
            raise CannotJoin("the pin was cut off: it must be 64 hexadecimal digits")
        is_tls = parts.scheme == "https"
        if not (is_tls or allow_plain_http or _is_near(parts.hostname)):
            raise CannotJoin(
                "the panel must be reached by https://; --allow-plain-http overrules this"
            )
        return cls(parts.hostname, port or (443 if is_tls else 80), is_tls, pin)

    def post(self, body: dict[str, str]) -> Answer:
        """Raises NoAnswer and WrongPanel; nothing is sent to somebody with another certificate."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=TIMEOUT_SECONDS)
        try:
            connection.connect()
            with _ended_in_time(connection.sock):
                return self._answer(connection, json.dumps(body))
        except ssl.SSLCertVerificationError as error:
            raise WrongPanel(
                f"the panel's certificate is not trusted: {error.verify_message}"
            ) from error
        except (OSError, http.client.HTTPException) as error:
            raise NoAnswer(f"{self.host} does not answer: {error}") from error
        finally:
            connection.close()

    def _answer(self, connection: http.client.HTTPConnection, body: str) -> Answer:
        if self.is_tls:
            connection.sock = self._secured(connection.sock)
        connection.request("POST", PATH, body, {"content-type": "application/json"})
        response = connection.getresponse()
        told = response.read(MOST_ANSWER)
        if response.length:  # what is still to come
            raise NoAnswer(f"the answer of {self.host} was cut off")
        return Answer(response.status, _object(told))

    def _secured(self, sock: socket.socket) -> ssl.SSLSocket:
        context = client_context() if self.pin else ssl.create_default_context()
        secured = context.wrap_socket(sock, server_hostname=self.host)
        if self.pin:
            shown = hashlib.sha256(secured.getpeercert(binary_form=True) or b"").hexdigest()
            if not hmac.compare_digest(shown, self.pin):
                raise WrongPanel(
                    f"{self.host} shows another certificate than the line says: nothing was sent."
                    " Somebody may be between this node and the panel"
                )
        return secured


@contextmanager
def _ended_in_time(sock: socket.socket) -> Iterator[None]:
    """The timeout of a socket is for each piece that comes: whoever trickles has one for all."""
    with sock.dup() as same:  # TLS takes the first one over
        end = threading.Timer(TIMEOUT_SECONDS, same.shutdown, (socket.SHUT_RDWR,))
        end.start()
        try:
            yield
        finally:
            end.cancel()
            end.join()


def _is_near(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost"
    return address.is_loopback or address in LAB_NETWORK


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
