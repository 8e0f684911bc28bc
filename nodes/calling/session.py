"""How requests travels to one agent: to a checked address, past no proxy, within a deadline."""

import socket
import ssl
import time
from typing import Any, cast

import requests
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError
from wgpanel_agent.tls import client_context

from nodes.calling import outbound
from nodes.calling.pinning import Pinned

CONNECT_SECONDS = 3.0
READ_SECONDS = 10.0


def new_session(trust: Pinned | None) -> requests.Session:
    """No proxy, no .netrc, no retries, and a time limit on the whole answer.

    With `trust` it speaks TLS, and says nothing to whom the trust does not hold for.
    """
    session = requests.Session()
    session.trust_env, session.verify = False, False  # no authority is asked: see `_Pinning`
    session.headers.clear()
    session.adapters.clear()
    session.mount("https://" if trust else "http://", _Adapter(trust))
    return session


class _Deadline:
    """A socket whose timeout is for all that is read, not for each piece: a trickle ends too."""

    _ends_at = 0.0

    def settimeout(self, value: float | None) -> None:
        super().settimeout(value)  # type: ignore[misc]  # of a socket
        self._ends_at = time.monotonic() + (value or READ_SECONDS)

    def recv_into(self, *arguments: Any) -> int:
        remaining = self._ends_at - time.monotonic()
        if remaining <= 0:
            raise TimeoutError("the answer came too slowly")
        super().settimeout(remaining)  # type: ignore[misc]
        return super().recv_into(*arguments)  # type: ignore[misc,no-any-return]


class _DeadlineSocket(_Deadline, socket.socket):
    pass


class _DeadlineTlsSocket(_Deadline, ssl.SSLSocket):
    pass


def _context() -> ssl.SSLContext:
    context = client_context()
    context.sslsocket_class = _DeadlineTlsSocket
    return context


CONTEXT = _context()


class _Checked(HTTPConnection):
    """Connects to addresses that were checked, one after the other, instead of to a name."""

    def _new_conn(self) -> socket.socket:
        found = outbound.addresses(self._dns_host.strip("[]"), self.port or 0)
        for number, self._dns_host in enumerate(found, start=1):
            try:
                return super()._new_conn()
            except (ConnectTimeoutError, NewConnectionError):
                if number == len(found):
                    raise
        raise OSError("the name has no address")


class _Connection(_Checked):
    def connect(self) -> None:
        super().connect()
        self.sock = _DeadlineSocket(fileno=self.sock.detach())
        self.sock.settimeout(READ_SECONDS)


class _PinnedConnection(_Checked, HTTPSConnection):
    def __init__(self, *arguments: Any, trust: Pinned, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._trust = trust

    def connect(self) -> None:
        """Shake hands, look at the certificate, and only then let anything be sent."""
        super().connect()
        try:
            shown = cast(ssl.SSLSocket, self.sock).getpeercert(binary_form=True)
            self._trust.verify(shown)
        except BaseException:
            self.close()
            raise
        self.is_verified = True  # by its pin
        self.sock.settimeout(READ_SECONDS)


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _PinnedPool(HTTPSConnectionPool):
    ConnectionCls = _PinnedConnection


class _Adapter(requests.adapters.HTTPAdapter):
    def __init__(self, trust: Pinned | None) -> None:
        self._trust = trust
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options, ssl_context=CONTEXT)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _PinnedPool}

    def get_connection_with_tls_context(self, *arguments: Any, **options: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*arguments, **options)
        if self._trust is not None:
            pool.conn_kw["trust"] = self._trust
        return pool
