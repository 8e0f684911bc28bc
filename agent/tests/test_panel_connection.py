"""An agent that joins speaks to the panel that the line names, and to nobody else."""

import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from wgpanel_agent.joining import panel_connection
from wgpanel_agent.joining.certificate import CERTIFICATE_FILE, KEY_FILE, make, pin_of_file
from wgpanel_agent.joining.joining_files import CannotJoin
from wgpanel_agent.joining.panel_connection import NoAnswer, PanelAddress, WrongPanel
from wgpanel_agent.tls import Identity, server_context


def trickle(conn: socket.socket, begin: bytes) -> None:
    """Until the other side has had enough, which is an OSError."""
    conn.sendall(begin)
    while True:
        time.sleep(0.2)
        conn.sendall(b" ")


class TlsPanel(threading.Thread):
    """Answers one request; `heard` is what was sent to it inside TLS."""

    def __init__(self, folder: Path) -> None:
        super().__init__(daemon=True)
        self.answer = json.dumps({"state": "waiting"}).encode()
        make(folder)
        self.pin = pin_of_file(folder / CERTIFICATE_FILE)
        self.heard, self.trickles, self.lacks = b"", "", 0
        self._context = server_context(Identity(folder / CERTIFICATE_FILE, folder / KEY_FILE))
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = "https://127.0.0.1:{1}".format(*self._listening.getsockname())

    def run(self) -> None:
        conn, _ = self._listening.accept()
        with conn:
            try:
                if self.trickles == "plain":
                    trickle(conn, b"\x16\x03\x03\x00\xff")  # the head of a record of TLS
                with self._context.wrap_socket(conn, server_side=True) as secured:
                    self._hear(secured)
                    if self.trickles:
                        trickle(secured, b"HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n")
                    length = len(self.answer) + self.lacks
                    head = f"HTTP/1.1 202 Accepted\r\ncontent-length: {length}\r\n\r\n"
                    secured.sendall(head.encode() + self.answer)
            except OSError:
                return  # the agent hung up, as it should

    def _hear(self, secured: ssl.SSLSocket) -> None:
        """To the end of the body: closing before it was read would take the answer back."""
        while said := secured.recv(65536):
            self.heard += said
            if self.heard.endswith(b"}"):
                return

    def close(self) -> None:
        self._listening.close()


@pytest.fixture
def panel(tmp_path: Path) -> Iterator[TlsPanel]:
    server = TlsPanel(tmp_path)
    server.start()
    yield server
    server.close()


def address(url: str, pin: str = "", *, allow: bool = False) -> PanelAddress:
    return PanelAddress.parse(url, pin, allow_plain_http=allow)


def test_a_panel_with_the_certificate_of_the_line_is_asked(panel: TlsPanel) -> None:
    answer = address(panel.url, panel.pin).post({"token": "abc"})
    assert (answer.status, answer.body) == (202, {"state": "waiting"})
    assert panel.heard.startswith(b"POST /api/v1/enrol/ HTTP/1.1\r\n")


@pytest.mark.parametrize("answer", [b"", b"[]", b"\xff", b"[" * 60_000])
def test_what_is_no_answer_of_a_panel_is_none(panel: TlsPanel, answer: bytes) -> None:
    panel.answer = answer
    assert address(panel.url, panel.pin).post({"token": "abc"}).body == {}


def test_an_answer_that_was_cut_off_is_none_and_the_panel_may_be_asked_again(
    panel: TlsPanel,
) -> None:
    panel.lacks = 1
    with pytest.raises(NoAnswer, match="cut off"):
        address(panel.url, panel.pin).post({"token": "abc"})


def test_a_panel_with_another_certificate_hears_nothing(panel: TlsPanel) -> None:
    with pytest.raises(WrongPanel, match="another certificate"):
        address(panel.url, "0" * 64).post({"token": "abc"})
    panel.join(timeout=10)
    assert panel.heard == b""


def test_without_a_pin_a_certificate_that_nobody_signed_is_not_believed(panel: TlsPanel) -> None:
    with pytest.raises(WrongPanel, match="not trusted"):
        address(panel.url).post({"token": "abc"})
    panel.join(timeout=10)
    assert panel.heard == b""


@pytest.mark.parametrize("secured", [False, True], ids=["instead of TLS", "within TLS"])
def test_a_panel_that_trickles_is_not_waited_for(
    panel: TlsPanel, secured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(panel_connection, "TIMEOUT_SECONDS", 1)
    panel.trickles = "secured" if secured else "plain"
    began = time.monotonic()
    with pytest.raises(NoAnswer):
        address(panel.url, panel.pin).post({"token": "abc"})
    assert time.monotonic() - began < 5


def test_a_panel_that_is_down_may_be_asked_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        url = "http://127.0.0.1:{1}".format(*sock.getsockname())
    with pytest.raises(NoAnswer):
        address(url).post({})


@pytest.mark.parametrize(
    "url", ["", "panel.example", "ftp://panel.example", "https://", "https://a/b", "https://a:x"]
)
def test_what_is_no_address_of_a_panel_is_refused(url: str) -> None:
    with pytest.raises(CannotJoin):
        address(url)


@pytest.mark.parametrize("pin", ["abc", "0" * 63, "g" * 64, "A" * 64])
def test_a_pin_that_was_cut_off_is_refused(pin: str) -> None:
    with pytest.raises(CannotJoin):
        address("https://panel.example", pin)


def test_plain_http_goes_near_or_where_the_operator_says_so() -> None:
    for near in ("http://127.0.0.1:8000", "http://198.18.0.1:8000", "http://localhost"):
        assert not address(near).is_tls
    with pytest.raises(CannotJoin):
        address("http://192.0.2.1")
    assert address("http://192.0.2.1", allow=True).port == 80
