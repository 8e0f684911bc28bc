"""Does the agent of this container answer? For HEALTHCHECK; 0 if so, else 1 and the reason.

It listens where its settings say, by TLS once it has joined a panel; the certificate is its own,
and this asks over loopback, so nobody needs to be convinced of it.
"""

import http.client
import os
import ssl
import sys
from collections.abc import Iterator

from wgpanel_agent.config import Address, ConfigError, load

PATIENCE = 2.0  # seconds
EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  (nothing is bound here)


def reason_against(address: Address) -> str | None:
    host, port = EVERY_ADDRESS.get(address[0], address[0]), address[1]
    problem = "no answer"
    for connection in _connections(host, port):
        try:
            connection.request("GET", "/health")
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            problem = f"no answer at {host}:{port}: {error}"
        else:
            return None if status == http.client.OK else f"the agent answers {status}"
        finally:
            connection.close()
    return problem


def _connections(host: str, port: int) -> Iterator[http.client.HTTPConnection]:
    yield http.client.HTTPSConnection(host, port, timeout=PATIENCE, context=_any_certificate())
    yield http.client.HTTPConnection(host, port, timeout=PATIENCE)


def _any_certificate() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


if __name__ == "__main__":
    try:
        sys.exit(reason_against(load(os.environ).listen))
    except ConfigError as error:
        sys.exit(str(error))
