"""What each route answers from a made-up snapshot, and what it refuses before `wg` is asked."""

import json
from typing import Any

import pytest
from wgpanel_agent.agent import Agent
from wgpanel_agent.api import handlers
from wgpanel_agent.api.routes import ROUTES
from wgpanel_agent.config import Config
from wgpanel_agent.documents import StatusReport
from wgpanel_agent.host.system import Link
from wgpanel_agent.host.wireguard import Peer, Running, WireGuard
from wgpanel_agent.http import Call, HttpError, Reply
from wgpanel_agent.running import handler_of

KEY = "/Ap3XpSpIW7CKYLWpRXY0OHD8uByjgmOU+YWns/p9lE="
OTHER_KEY = "+/Wx6FjeRQSkEuii4qVFfRCabLPmxMYjvk8lXeygeEs="
OWN_KEY = "J25dJebdR+na7Q72fDo/PyVmsx9a2c3bRpZrrpvu2TM="


async def make_agent(*peers: Peer, **settings: Any) -> Agent:
    """wg0 is managed and up, wg9 somebody else's, as one look saw them."""
    fields = {"node_id": "node-1", "secret": b"s" * 32, "interfaces": ("wg0",)} | settings
    agent = Agent(Config(**fields))
    for name in ("wg0", "wg9"):
        running = Running(name, OWN_KEY, 51820, None, {peer.public_key: peer for peer in peers})
        await agent.sampler.absorb(name, running, agent.sampler.now())
        agent.sampler.interfaces[name].link = Link(True, 1420, ("10.0.0.1/24",))
    return agent


def make_peer(key: str = KEY, **fields: Any) -> Peer:
    return Peer(key, None, None, "10.0.0.2/32", None, 0, 0, None)._replace(**fields)


def make_call(body: Any = None, *, signed: bool = True, query: Any = None, **params: str) -> Call:
    return Call(params or {"iface": "wg0"}, query or {}, body, signed)


def parsed(reply: Reply) -> Any:
    return json.loads(reply.body) if isinstance(reply.body, bytes) else reply.body


@pytest.fixture(autouse=True)
def _no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*words: object, **_: object) -> None:
        raise AssertionError(f"nothing was to be run: {words}")

    monkeypatch.setattr("wgpanel_agent.host.wireguard.run", refuse)


def test_every_route_has_its_handler() -> None:
    assert all(callable(handler_of(route)) for route in ROUTES)


async def test_health_tells_strangers_one_word() -> None:
    agent = await make_agent()
    assert await handlers.health(agent, make_call(signed=False)) == Reply(200, {"status": "ok"})
    agent.sampler.interfaces["wg0"].problem = "no answer"
    reply = await handlers.health(agent, make_call(signed=False))
    assert reply == Reply(503, {"status": "unhealthy"})


async def test_health_tells_the_panel_why() -> None:
    agent = await make_agent()
    agent.sampler.interfaces["wg0"].problem = "no answer"
    reply = parsed(await handlers.health(agent, make_call()))
    assert reply["problems"] == ["wg0 is error: no answer"]
    assert reply["version"] == "1.0.0"


async def test_a_node_that_was_never_looked_at_is_not_healthy() -> None:
    agent = Agent(Config(node_id="node-1", secret=b"s" * 32, interfaces=("wg0",)))
    assert (await handlers.health(agent, make_call())).status == 503


async def test_what_happens_to_interfaces_of_others_is_no_matter_of_health() -> None:
    agent = await make_agent()
    agent.sampler.interfaces["wg9"].problem = "no answer"
    assert (await handlers.health(agent, make_call())).status == 200


async def test_status_is_the_report_of_the_contract() -> None:
    agent = await make_agent(make_peer(rx_bytes=7, last_handshake=2**40))
    report = StatusReport.parse(parsed(await handlers.status(agent, make_call())))
    assert report.status == "ok"
    assert report.active_peers == 1
    assert report.wireguard.interfaces["wg0"].total_rx_bytes == 7
    assert not report.wireguard.interfaces["wg9"].managed


async def test_status_is_rendered_once_for_each_version_of_the_snapshot() -> None:
    agent = await make_agent()
    first = (await handlers.status(agent, make_call())).body
    assert (await handlers.status(agent, make_call())).body is first
    await agent.sampler.absorb("wg0", Running("wg0", OWN_KEY, 1, None), agent.sampler.now())
    assert (await handlers.status(agent, make_call())).body != first


async def test_metrics_are_text_with_a_charset() -> None:
    reply = await handlers.metrics(await make_agent(), make_call(signed=False))
    assert reply.headers["content-type"].startswith("text/plain; version=0.0.4; charset=utf-8")
    assert b'wireguard_peers{interface="wg0"} 0\n' in reply.body  # type: ignore[operator]


async def test_interfaces_are_listed_with_whose_they_are() -> None:
    listed = parsed(await handlers.list_interfaces(await make_agent(), make_call()))["interfaces"]
    assert [(it["name"], it["managed"], it["status"]) for it in listed] == [
        ("wg0", True, "up"),
        ("wg9", False, "up"),
    ]
    assert listed[0]["addresses"] == ["10.0.0.1/24"]


async def test_a_dump_is_complete_and_never_shook_hands_is_null() -> None:
    busy = make_peer(
        OTHER_KEY,
        fingerprint="ab",
        endpoint='[fe80::1%et"h]:5',
        allowed_ips="10.0.0.3/32,fd00::3/128",
        last_handshake=1_777_881_600,
        rx_bytes=2**53 + 1,
        keepalive=25,
    )
    agent = await make_agent(make_peer(), busy)
    told = parsed(await handlers.dump(agent, make_call()))
    assert told["complete"] is True
    assert told["interface"]["public_key"] == OWN_KEY
    assert told["peers"] == [
        {
            "public_key": KEY,
            "endpoint": None,
            "allowed_ips": ["10.0.0.2/32"],
            "last_handshake": None,
            "rx_bytes": 0,
            "tx_bytes": 0,
            "keepalive": None,
            "preshared_key_fingerprint": None,
        },
        {
            "public_key": OTHER_KEY,
            "endpoint": '[fe80::1%et"h]:5',
            "allowed_ips": ["10.0.0.3/32", "fd00::3/128"],
            "last_handshake": 1_777_881_600,
            "rx_bytes": 2**53 + 1,
            "tx_bytes": 0,
            "keepalive": 25,
            "preshared_key_fingerprint": "ab",
        },
    ]


async def test_a_peer_without_addresses_has_an_empty_list() -> None:
    agent = await make_agent(make_peer(allowed_ips=""))
    assert parsed(await handlers.dump(agent, make_call()))["peers"][0]["allowed_ips"] == []


async def test_since_leaves_out_what_did_not_change() -> None:
    agent = await make_agent(make_peer(), make_peer(OTHER_KEY))
    seen = parsed(await handlers.dump(agent, make_call()))["seq"]
    changed = {KEY: make_peer(rx_bytes=1), OTHER_KEY: make_peer(OTHER_KEY)}
    running = Running("wg0", OWN_KEY, 51820, None, changed)
    await agent.sampler.absorb("wg0", running, agent.sampler.now())
    told = parsed(await handlers.dump(agent, make_call(query={"since": str(seen)})))
    assert [peer["public_key"] for peer in told["peers"]] == [KEY]
    assert (told["complete"], told["seq"]) == (False, seen + 1)
    unknown = parsed(await handlers.dump(agent, make_call(query={"since": "7"})))
    assert (unknown["complete"], len(unknown["peers"])) == (True, 2)


@pytest.mark.parametrize("value", ["", "-1", "1.5", "x", "١", "9" * 19])
@pytest.mark.parametrize("name", ["since", "max_age"])
async def test_a_query_that_is_no_number_is_refused(name: str, value: str) -> None:
    with pytest.raises(HttpError) as refusal:
        await handlers.dump(await make_agent(), make_call(query={name: value}))
    assert (refusal.value.status, refusal.value.extra) == (422, {"field": name})


async def test_peers_are_listed() -> None:
    told = parsed(await handlers.list_peers(await make_agent(make_peer()), make_call()))
    assert [peer["public_key"] for peer in told["peers"]] == [KEY]


@pytest.mark.parametrize("handler", [handlers.dump, handlers.list_peers])
async def test_an_unknown_interface_is_not_found(handler: Any) -> None:
    with pytest.raises(HttpError) as refusal:
        await handler(await make_agent(), make_call(iface="wg5"))
    assert (refusal.value.status, refusal.value.code) == (404, "no_such_interface")


def make_json(**fields: Any) -> dict[str, Any]:
    return {"public_key": KEY, "allowed_ips": ["10.0.0.2"]} | fields


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (None, "body"),
        ([], "body"),
        ({"add": []}, "body.add"),
        ({"upsert": {}}, "upsert"),
        ({"upsert": [1]}, "upsert[0]"),
        ({"upsert": [make_json(allowed_ips=["10.0.0.0/24"])]}, "upsert[0].allowed_ips[0]"),
        ({"upsert": [make_json(), make_json()]}, "upsert[1].public_key"),
        ({"upsert": [make_json(expires_at=1)]}, "upsert[0].expires_at"),
        ({"upsert": [make_json(quota_bytes=1)]}, "upsert[0].quota_bytes"),
        ({"upsert": [make_json(name="x\nPostUp = id")]}, "upsert[0].name"),
        ({"upsert": [make_json(public_key=OWN_KEY)]}, "public_key"),
        ({"upsert": [make_json()] * 501}, "upsert"),
        ({"remove": ["x"]}, "remove[0]"),
        ({"remove": [KEY] * 501}, "remove"),
        ({"upsert": [make_json()], "remove": [KEY]}, "remove[0]"),
        ({"confirm_removals": "1"}, "confirm_removals"),
        ({"confirm_removals": -1}, "confirm_removals"),
    ],
)
async def test_a_bad_batch_is_refused_with_its_field(body: Any, field: str) -> None:
    with pytest.raises(HttpError) as refusal:
        await handlers.change_peers(await make_agent(), make_call(body))
    assert (refusal.value.status, refusal.value.extra["field"]) == (422, field)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "peers"),
        ({"peers": [], "hooks": 1}, "document.hooks"),
        ({"peers": [make_json(public_key=KEY[:-2] + "B=")]}, "peers[0].public_key"),
        ({"peers": [], "interface": {}}, "interface.listen_port"),
        ({"peers": [], "interface": {"listen_port": 51820, "hooks": []}}, "interface.hooks"),
        ({"peers": [], "interface": {"listen_port": 0}}, "interface.listen_port"),
    ],
)
async def test_a_bad_document_is_refused_with_its_field(body: Any, field: str) -> None:
    with pytest.raises(HttpError) as refusal:
        await handlers.sync_conf(await make_agent(), make_call(body))
    assert (refusal.value.status, refusal.value.extra["field"]) == (422, field)


async def test_the_key_in_the_path_is_the_one_that_counts() -> None:
    call = make_call(make_json(), iface="wg0", peer=OTHER_KEY)
    with pytest.raises(HttpError, match="not the one in the path"):
        await handlers.put_peer(await make_agent(), call)


async def test_a_network_needs_the_nodes_permission() -> None:
    body = {"upsert": [make_json(allowed_ips=["192.168.0.0/24"])]}
    with pytest.raises(HttpError, match="one address"):
        await handlers.change_peers(await make_agent(), make_call(body))
    running = make_peer(allowed_ips="192.168.0.0/24")
    agent = await make_agent(running, allow_routes=True)
    assert parsed(await handlers.change_peers(agent, make_call(body)))["unchanged"] == 1


async def test_what_is_there_already_is_no_write() -> None:
    agent = await make_agent(make_peer())
    call = make_call({"allowed_ips": ["10.0.0.2"]}, iface="wg0", peer=KEY)
    reply = await handlers.put_peer(agent, call)
    assert reply == Reply(200, {"added": 0, "changed": 0, "removed": 0, "unchanged": 1})


async def test_a_peer_that_is_not_there_cannot_be_deleted() -> None:
    with pytest.raises(HttpError) as refusal:
        await handlers.delete_peer(await make_agent(), make_call(iface="wg0", peer=KEY))
    assert (refusal.value.status, refusal.value.code) == (404, "no_such_peer")


@pytest.mark.parametrize(
    ("iface", "status", "code"), [("wg9", 403, "not_managed"), ("wg5", 404, "no_such_interface")]
)
async def test_only_managed_interfaces_are_changed(iface: str, status: int, code: str) -> None:
    agent = await make_agent()
    for act in (
        handlers.change_peers(agent, make_call({}, iface=iface)),
        handlers.put_peer(agent, make_call({"allowed_ips": []}, iface=iface, peer=KEY)),
        handlers.delete_peer(agent, make_call(iface=iface, peer=KEY)),
        handlers.sync_conf(agent, make_call({"peers": []}, iface=iface)),
    ):
        with pytest.raises(HttpError) as refusal:
            await act
        assert (refusal.value.status, refusal.value.code) == (status, code)


async def test_a_preshared_key_never_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not in an answer, not in an error, not in what is remembered."""
    secret = "u5drUhN5vZ6amdqZHuGI4GFCjlJXVCDlFGiF6jwAck0="

    async def nothing(*_: object) -> dict[str, Peer]:
        return {}

    monkeypatch.setattr(WireGuard, "add", nothing)
    monkeypatch.setattr(WireGuard, "read_back", nothing)
    agent = await make_agent()
    call = make_call({"upsert": [make_json(preshared_key=secret)]})
    with pytest.raises(HttpError) as error:
        await handlers.change_peers(agent, call)
    assert error.value.code == "apply_incomplete"
    assert secret not in json.dumps(error.value.envelope())
    assert secret not in repr(agent.sampler.interfaces)
