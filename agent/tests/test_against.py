"""Differences from a desired state that the asker names."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from wgpanel_agent.desired.against import Against
from wgpanel_agent.desired.store import Store
from wgpanel_agent.documents import InterfacePart, PeerPart, State, WholeDocument, state_hash
from wgpanel_agent.files.serverconf import ServerConf
from wgpanel_agent.host.wireguard import Peer
from wgpanel_agent.http import Call, HttpError

EPOCH = "3f0c8a52-6f0e-4f0a-9f57-0a4d3b7f1c11"
PART = InterfacePart(51820, ("10.8.0.1/24",))
A = PeerPart("/Ap3XpSpIW7CKYLWpRXY0OHD8uByjgmOU+YWns/p9lE=", ("10.8.0.2/32",), keepalive=25)
B = PeerPart("J25dJebdR+na7Q72fDo/PyVmsx9a2c3bRpZrrpvu2TM=", ("10.8.0.3/32",), expires_at=100)
C = PeerPart("u5drUhN5vZ6amdqZHuGI4GFCjlJXVCDlFGiF6jwAck0=", ("10.8.0.4/32",))
STATE = State(EPOCH, 7, state_hash(PART, (A, B)))


def fingerprint(public_key: str, preshared_key: str) -> str:
    return f"{public_key} {preshared_key}"


def running(part: PeerPart, **fields: object) -> Peer:
    told = ",".join(part.allowed_ips)
    return Peer(part.public_key, None, None, told, None, 0, 0, part.keepalive)._replace(**fields)


def by_key(*peers: Peer) -> Mapping[str, Peer]:
    return {peer.public_key: peer for peer in peers}


def named(query: str | None, now: float = 0) -> Against | None:
    store = Store(None)
    store.commit_whole("wg0", WholeDocument(STATE, PART, (A, B)))
    query_of = {} if query is None else {"against": query}
    return Against.named(Call({"iface": "wg0"}, query_of, None, signed=True), store, now)


def against(now: float = 0) -> Against:
    found = named(STATE.etag.strip('"'), now)
    assert found is not None
    return found


@pytest.mark.parametrize("query", [None, f"{EPOCH}:8:{STATE.hash}", f"{EPOCH}:7:{'0' * 64}"])
def test_only_the_very_state_of_the_journal_is_compared_with(query: str | None) -> None:
    assert named(query) is None


@pytest.mark.parametrize("query", ["", "*", STATE.etag, f"{EPOCH}:0:{STATE.hash}"])
def test_what_is_no_state_is_refused(query: str) -> None:
    with pytest.raises(HttpError) as refusal:
        named(query)
    assert refusal.value.status == 422


async def test_who_runs_as_wanted_is_left_out() -> None:
    assert await against().running(by_key(running(A), running(B)), fingerprint) == ([], [])


@pytest.mark.parametrize(
    "fields", [{"keepalive": None}, {"allowed_ips": "10.8.0.9/32"}, {"fingerprint": "another"}]
)
async def test_who_runs_otherwise_is_told(fields: dict[str, object]) -> None:
    other = running(A, **fields)
    assert await against().running(by_key(other, running(B)), fingerprint) == ([other], [])


async def test_who_does_not_run_is_named_and_who_is_not_wanted_is_told() -> None:
    stranger = running(C)
    told = await against().running(by_key(running(A), stranger), fingerprint)
    assert told == ([stranger], [B.public_key])


async def test_who_has_expired_is_told_while_it_runs_and_not_missed_after() -> None:
    late = against(now=100)
    assert await late.running(by_key(running(A), running(B)), fingerprint) == ([running(B)], [])
    assert await late.running(by_key(running(A)), fingerprint) == ([], [])


def test_a_file_is_compared_without_expiry() -> None:
    conf = ServerConf.of(STATE, PART, "key", (A, B), now=0)
    assert against().on_disk(conf) == ([], [])


def test_a_file_with_another_preshared_key_is_told() -> None:
    other = replace(A, preshared_key=C.public_key)
    conf = ServerConf.of(STATE, PART, "key", (other,), now=0)
    assert against().on_disk(conf) == ([other], [B.public_key])
