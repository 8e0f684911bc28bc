"""Changes on real WireGuard: only what was asked for, read back, and nothing by accident."""

import asyncio
import json
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from wgpanel_agent.desired.apply import Applier, ApplyIncomplete
from wgpanel_agent.desired.plans import AddressTaken, ShrinkGuard
from wgpanel_agent.documents import Document, InterfacePart, InvalidDocument, PeerPart
from wgpanel_agent.host.wireguard import WireGuard, WireGuardError
from wgpanel_agent.http import HttpError
from wgpanel_agent.reporting.snapshot import Sampler

CASES = Path(__file__).parents[1] / "cases"
LIVE = 50


def genpsk() -> str:
    return subprocess.run(
        ["wg", "genpsk"], capture_output=True, text=True, check=True
    ).stdout.strip()


def with_fields(peer: PeerPart, **fields: Any) -> PeerPart:
    names = PeerPart.__slots__
    return PeerPart(**{name: getattr(peer, name) for name in names} | fields)


@pytest.fixture
async def ready(applier: Applier, sampler: Sampler) -> Applier:
    """An applier that has seen the node once."""
    await sampler.look()
    return applier


async def test_a_peer_is_added_changed_and_removed(
    box: Any, make_peer: Any, ready: Applier
) -> None:
    peer = make_peer(keepalive=25)
    assert (await ready.change("wg0", [peer])).added == 1
    changed = with_fields(peer, allowed_ips=("10.9.200.1/32", "fd00::1/128"))
    assert (await ready.change("wg0", [changed])).changed == 1
    assert sorted(box.peers()[peer.public_key][2].split(",")) == ["10.9.200.1/32", "fd00::1/128"]
    assert (await ready.change("wg0", removals=[peer.public_key])).removed == 1
    assert box.peers() == {}


async def test_what_is_right_already_is_not_written(
    box: Any, make_peer: Any, ready: Applier, monkeypatch: pytest.MonkeyPatch
) -> None:
    peer = make_peer(preshared_key=genpsk(), keepalive=25)
    await ready.change("wg0", [peer])
    monkeypatch.setattr(WireGuard, "add", refuse_to_write)
    monkeypatch.setattr(WireGuard, "synchronise", refuse_to_write)
    assert (await ready.change("wg0", [peer])).unchanged == 1
    assert (await ready.bring_to("wg0", Document((peer,)))).unchanged == 1


async def refuse_to_write(*_: object) -> None:
    raise AssertionError("nothing was to be written")


async def test_the_steps_of_clearing_and_setting_keys(
    box: Any, make_peer: Any, ready: Applier
) -> None:
    """A has both, B behind it neither, C a preshared key: each step changes its own peer only."""
    a = make_peer(preshared_key=genpsk(), keepalive=25)
    b, c = make_peer(), make_peer(preshared_key=genpsk())

    async def step(*peers: PeerPart, removed: tuple[str, ...] = ()) -> None:
        await ready.change("wg0", peers, removed)
        found = box.peers()
        for peer in (a, b, c):
            if peer.public_key not in removed:
                assert found[peer.public_key][0] == (peer.preshared_key or "(none)")
                assert found[peer.public_key][6] == str(peer.keepalive or "off")

    await step(a, b, c)
    a = with_fields(a, preshared_key=None)
    await step(a)
    a = with_fields(a, keepalive=None)
    await step(a)
    c = with_fields(c, preshared_key=genpsk())
    await step(c)
    await step(removed=(c.public_key,))
    await step(c)
    a = with_fields(a, preshared_key=genpsk())
    await step(a)


async def test_a_whole_document_clears_keys_too(box: Any, make_peer: Any, ready: Applier) -> None:
    a, b = make_peer(preshared_key=genpsk(), keepalive=25), make_peer(preshared_key=genpsk())
    await ready.change("wg0", [a, b])
    a = with_fields(a, preshared_key=None, keepalive=None)
    await ready.bring_to("wg0", Document((a, b)))
    found = box.peers()
    assert (found[a.public_key][0], found[a.public_key][6]) == ("(none)", "off")
    assert found[b.public_key][0] == b.preshared_key


async def test_a_preshared_key_cleared_by_hand_is_put_back(
    box: Any, make_peer: Any, ready: Applier
) -> None:
    peer = make_peer(preshared_key=genpsk())
    await ready.change("wg0", [peer])
    box.run("wg", "set", "wg0", "peer", peer.public_key, "preshared-key", "/dev/null")
    assert (await ready.bring_to("wg0", Document((peer,)))).changed == 1
    assert box.peers()[peer.public_key][0] == peer.preshared_key


async def test_syncconf_keeps_key_port_and_mark(box: Any, make_peer: Any, ready: Applier) -> None:
    box.run("wg", "set", "wg0", "fwmark", "7")
    before = box.settings()
    await ready.bring_to("wg0", Document((make_peer(),)))
    await ready.bring_to("wg0", Document(()))
    assert box.settings() == before
    assert box.peers() == {}


async def test_port_and_mark_follow_the_document(box: Any, ready: Applier) -> None:
    await ready.bring_to("wg0", Document((), InterfacePart(listen_port=51999, fwmark=9)))
    assert box.settings()[2:] == ["51999", "0x9"]


@pytest.mark.parametrize(
    "part", [{"mtu": 1300}, {"addresses": ("10.1.1.1/24",)}, {"table": "off"}], ids=str
)
async def test_what_syncconf_cannot_do_is_refused(part: Any, ready: Applier) -> None:
    with pytest.raises(InvalidDocument):
        await ready.bring_to("wg0", Document((), InterfacePart(listen_port=51820, **part)))


async def test_a_lost_private_key_comes_back_from_the_operators_file(
    box: Any, make_peer: Any, ready: Applier
) -> None:
    before = box.settings()
    text = f"[Interface] # ours\n  privatekey = {before[0]} # secret\nPostUp = x\n"
    (box.configs / "wg0.conf").write_text(text)
    box.run("wg", "set", "wg0", "private-key", "/dev/null")
    assert box.settings()[0] == "(none)"
    await ready.bring_to("wg0", Document((make_peer(),)))
    assert box.settings() == before
    assert (box.configs / "wg0.conf").read_text() == text


async def test_without_any_private_key_nothing_is_written(
    box: Any, make_peer: Any, ready: Applier
) -> None:
    box.run("wg", "set", "wg0", "private-key", "/dev/null")
    with pytest.raises(HttpError, match="private key"):
        await ready.bring_to("wg0", Document((make_peer(),)))
    assert box.peers() == {}


async def test_an_address_of_another_peer_is_never_taken(
    box: Any, make_peer: Any, ready: Applier
) -> None:
    holder = make_peer()
    await ready.change("wg0", [holder])
    with pytest.raises(AddressTaken) as refusal:
        await ready.change("wg0", [make_peer(allowed_ips=holder.allowed_ips)])
    assert refusal.value.extra["holder"] == holder.public_key
    assert list(box.peers()) == [holder.public_key]


async def test_an_address_moves_within_one_batch(box: Any, make_peer: Any, ready: Applier) -> None:
    first, second, third = make_peer(), make_peer(), make_peer()
    await ready.change("wg0", [first, second, third])
    swapped = [
        with_fields(first, allowed_ips=second.allowed_ips),
        with_fields(second, allowed_ips=third.allowed_ips),
    ]
    await ready.change("wg0", swapped, [third.public_key])
    found = {key: columns[2] for key, columns in box.peers().items()}
    assert found == {peer.public_key: peer.allowed_ips[0] for peer in swapped}


async def test_the_interfaces_own_key_is_refused(box: Any, make_peer: Any, ready: Applier) -> None:
    own = make_peer(public_key=box.settings()[1])
    with pytest.raises(InvalidDocument, match="own"):
        await ready.change("wg0", [own])
    with pytest.raises(InvalidDocument, match="own"):
        await ready.bring_to("wg0", Document((own,)))


async def test_many_removals_need_their_exact_number(
    box: Any, make_peer: Any, ready: Applier
) -> None:
    peers = [make_peer() for _ in range(60)]
    await ready.change("wg0", peers)
    for confirmed in (None, 12, 14):
        with pytest.raises(ShrinkGuard) as refusal:
            await ready.bring_to("wg0", Document(tuple(peers[13:])), confirmed)
        assert refusal.value.extra == {"removals": 13, "peers": 60}
    assert len(box.peers()) == 60
    assert (await ready.bring_to("wg0", Document(tuple(peers[13:])), 13)).removed == 13
    with pytest.raises(ShrinkGuard):
        await ready.change("wg0", removals=[peer.public_key for peer in peers[13:]])


@pytest.mark.parametrize(("count", "removed"), [(10, 10), (60, 12)])
async def test_few_removals_need_no_number(
    count: int, removed: int, box: Any, make_peer: Any, ready: Applier
) -> None:
    peers = [make_peer() for _ in range(count)]
    await ready.change("wg0", peers)
    await ready.bring_to("wg0", Document(tuple(peers[removed:])))
    assert len(box.peers()) == count - removed


async def test_an_interface_of_somebody_else_is_left_alone(
    box: Any, make_peer: Any, ready: Applier, sampler: Sampler
) -> None:
    box.add_interface("wg9", 51900)
    await sampler.look()
    with pytest.raises(HttpError) as refusal:
        await ready.change("wg9", [make_peer()])
    assert (refusal.value.status, refusal.value.code) == (403, "not_managed")
    with pytest.raises(HttpError) as refusal:
        await ready.change("wg8", [make_peer()])
    assert (refusal.value.status, refusal.value.code) == (404, "no_such_interface")


async def test_an_interface_that_is_down_takes_no_change(
    box: Any, make_peer: Any, ready: Applier, sampler: Sampler
) -> None:
    box.remove_interface("wg0")
    for act in (ready.change, lambda name, peers: ready.bring_to(name, Document(tuple(peers)))):
        with pytest.raises(HttpError) as refusal:
            await act("wg0", [make_peer()])
        assert (refusal.value.status, refusal.value.code) == (409, "interface_down")
    await sampler.look()
    with pytest.raises(HttpError, match="not running"):
        await ready.change("wg0", [make_peer()])


async def test_half_a_write_is_tried_again(
    box: Any, make_peer: Any, ready: Applier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if `wg` had been killed midway: the first write does half of its work."""
    whole, writes = WireGuard.add, []

    async def half(self: WireGuard, name: str, peers: Any) -> None:
        writes.append(len(peers))
        await whole(self, name, peers[: (len(peers) + 1) // 2] if len(writes) == 1 else peers)

    monkeypatch.setattr(WireGuard, "add", half)
    assert (await ready.change("wg0", [make_peer() for _ in range(4)])).added == 4
    assert writes == [4, 2]
    assert len(box.peers()) == 4


async def test_a_write_that_stays_incomplete_says_what_is_there(
    box: Any, make_peer: Any, ready: Applier, monkeypatch: pytest.MonkeyPatch
) -> None:
    peer = make_peer(preshared_key=genpsk())
    await ready.change("wg0", [peer])
    wanted = with_fields(peer, preshared_key=genpsk(), keepalive=5)

    async def fail(*_: object) -> None:
        raise WireGuardError("the disk is on fire")

    monkeypatch.setattr(WireGuard, "add", fail)
    with pytest.raises(ApplyIncomplete) as error:
        await ready.change("wg0", [wanted])
    told = json.dumps(error.value.envelope())
    assert error.value.extra["observed"][0]["observed"]["keepalive"] is None
    assert "the disk is on fire" in told
    assert peer.preshared_key not in told
    assert wanted.preshared_key not in told


async def test_writes_to_one_interface_take_turns(box: Any, make_peer: Any, ready: Applier) -> None:
    """Two ask for the same free address at once: one gets it, the other is told."""
    first = make_peer()
    second = make_peer(allowed_ips=first.allowed_ips)
    acts = [ready.change("wg0", [peer]) for peer in (first, second)]
    outcomes = await asyncio.gather(*acts, return_exceptions=True)
    assert [type(outcome).__name__ for outcome in outcomes] == ["Applied", "AddressTaken"]
    assert box.peers()[first.public_key][2] == first.allowed_ips[0]


async def test_a_look_that_began_before_a_write_does_not_hide_it(
    box: Any, make_peer: Any, ready: Applier, sampler: Sampler, monkeypatch: pytest.MonkeyPatch
) -> None:
    peer, old = make_peer(), make_peer()
    await ready.change("wg0", [old])
    look_at_all = WireGuard.look_at_all

    async def slow(self: WireGuard) -> Any:
        seen = await look_at_all(self)
        await ready.change("wg0", [peer], [old.public_key])
        return seen

    monkeypatch.setattr(WireGuard, "look_at_all", slow)
    await sampler.look()
    assert list(sampler.interfaces["wg0"].peers) == [peer.public_key]


async def test_a_hung_interface_refuses_changes_in_time(
    box: Any, make_peer: Any, sampler: Sampler, applier: Applier
) -> None:
    await sampler.look()
    box.children["wg0"].send_signal(signal.SIGSTOP)
    object.__setattr__(sampler._wireguard, "read_timeout", 0.2)
    await sampler.look()
    with pytest.raises(HttpError) as refusal:
        await applier.change("wg0", [make_peer()])
    assert (refusal.value.status, refusal.value.code) == (503, "wireguard_error")
    box.children["wg0"].send_signal(signal.SIGCONT)


INJECTIONS = json.loads((CASES / "conf-injection.json").read_text())


async def test_no_field_injects_a_line(box: Any, make_peer: Any, ready: Applier) -> None:
    """Around the grammar, straight into the applier: still nothing of it runs or arrives."""
    for case in INJECTIONS:
        hostile = make_peer(allowed_ips=(case["value"],))
        with pytest.raises(HttpError):
            await ready.change("wg0", [hostile])
    assert box.peers() == {}
    assert not Path("pwned").exists()


async def live_peers(box: Any, make_peer: Any, ready: Applier) -> list[PeerPart]:
    keys = [box.add_client(number) for number in range(LIVE)]
    peers = [make_peer(public_key=key) for key in keys]
    await ready.change("wg0", peers)
    deadline = time.monotonic() + 60
    while any(columns[3] == "0" for columns in box.peers().values()):
        assert time.monotonic() < deadline, "not every client shook hands"
        await asyncio.sleep(0.1)
    return peers


async def test_touching_one_peer_leaves_fifty_live_ones_alone(
    box: Any, make_peer: Any, ready: Applier
) -> None:
    peers = await live_peers(box, make_peer, ready)
    settings, link = box.settings(), box.run("cat", "/proc/net/if_inet6")
    before = box.peers()
    one = make_peer()
    for step in (
        ready.change("wg0", [one]),
        ready.change("wg0", [with_fields(one, preshared_key=genpsk())]),
        ready.change("wg0", [with_fields(one, allowed_ips=("10.9.99.99/32",))]),
        ready.change("wg0", removals=[one.public_key]),
        ready.change("wg0", [one]),
        ready.bring_to("wg0", Document((*peers, one))),
        ready.bring_to("wg0", Document(tuple(peers))),
    ):
        await step
        now = box.peers()
        for key, (_, endpoint, networks, handshake, rx, tx, _) in before.items():
            assert now[key][1:3] == [endpoint, networks]
            assert int(now[key][3]) >= int(handshake) > 0
            assert int(now[key][4]) >= int(rx)
            assert int(now[key][5]) >= int(tx)
        before = {key: now[key] for key in before}
    assert (box.settings(), box.run("cat", "/proc/net/if_inet6")) == (settings, link)
