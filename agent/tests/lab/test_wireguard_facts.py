"""What `wg` really does, fact by fact: if one of these changes, so must the agent."""

import ipaddress
import os
import signal
import socket
import subprocess
from typing import Any

import pytest
from wgpanel_agent.host.wireguard import NO_PRESHARED_KEY, WireGuard, peer_section

KEEPALIVE_OFF = "off"


def section(key: str, **lines: str) -> str:
    return f"[Peer]\nPublicKey = {key}\n" + "".join(f"{k} = {v}\n" for k, v in lines.items())


def sync(box: Any, text: str) -> None:
    box.run("wg", "syncconf", "wg0", "/dev/stdin", stdin=text)


def interface(box: Any) -> str:
    private, _, port, _ = box.settings()
    return f"[Interface]\nPrivateKey = {private}\nListenPort = {port}\n"


def test_syncconf_without_key_and_port_loses_both(box: Any, make_peer: Any) -> None:
    sync(box, peer_section(make_peer()))
    private, public, port, _ = box.settings()
    assert (private, public) == ("(none)", "(none)")
    assert port != "51820"


def test_syncconf_without_a_mark_clears_it(box: Any) -> None:
    box.run("wg", "set", "wg0", "fwmark", "7")
    sync(box, interface(box))
    assert box.settings()[3] == "off"


def test_syncconf_with_no_peers_removes_all(box: Any, make_peer: Any) -> None:
    box.add_peers([make_peer() for _ in range(3)])
    sync(box, interface(box))
    assert box.peers() == {}


def test_what_a_section_leaves_out_stays(box: Any, make_peer: Any) -> None:
    peer = make_peer(preshared_key=_secret(), keepalive=25)
    box.add_peers([peer])
    sync(box, interface(box) + section(peer.public_key, AllowedIPs=peer.allowed_ips[0]))
    preshared, *_, keepalive = box.peers()[peer.public_key]
    assert (preshared, keepalive) == (peer.preshared_key, "25")


def test_addresses_that_a_section_leaves_out_go(box: Any, make_peer: Any) -> None:
    peer = make_peer()
    box.add_peers([peer])
    box.run("wg", "addconf", "wg0", "/dev/stdin", stdin=section(peer.public_key))
    assert box.peers()[peer.public_key][2] == "(none)"


def test_a_zero_key_and_the_word_off_clear(box: Any, make_peer: Any) -> None:
    peer = make_peer(preshared_key=_secret(), keepalive=25)
    box.add_peers([peer])
    cleared = section(
        peer.public_key, PresharedKey=NO_PRESHARED_KEY, PersistentKeepalive=KEEPALIVE_OFF
    )
    sync(box, interface(box) + cleared)
    preshared, *_, keepalive = box.peers()[peer.public_key]
    assert (preshared, keepalive) == ("(none)", KEEPALIVE_OFF)


def test_syncconf_killed_midway_leaves_a_part(box: Any, make_peer: Any) -> None:
    peers = [make_peer() for _ in range(20_000)]
    text = interface(box) + "".join(map(peer_section, peers))
    words = box.inside("wg", "syncconf", "wg0", "/dev/stdin")
    for seconds in (0.3, 0.5, 0.8, 1.2):
        writer = subprocess.Popen(words, stdin=subprocess.PIPE)
        with pytest.raises(subprocess.TimeoutExpired):
            writer.communicate(text.encode(), timeout=seconds)
        writer.kill()
        writer.wait()
        if box.peers():
            break
    assert 0 < len(box.peers()) < len(peers)


def test_an_address_given_to_a_second_peer_is_taken_without_a_word(
    box: Any, make_peer: Any
) -> None:
    first = make_peer()
    second = make_peer(allowed_ips=first.allowed_ips)
    box.add_peers([first])
    box.add_peers([second])
    assert box.peers()[first.public_key][2] == "(none)"
    assert box.peers()[second.public_key][2] == first.allowed_ips[0]


def test_host_bits_are_cut_off_without_a_word(box: Any, make_peer: Any) -> None:
    peer = make_peer(allowed_ips=("10.0.1.2/24",))
    box.add_peers([peer])
    assert box.peers()[peer.public_key][2] == "10.0.1.0/24"


def test_the_own_key_as_a_peer_is_ignored_without_a_word(box: Any, make_peer: Any) -> None:
    box.add_peers([make_peer(public_key=box.settings()[1])])
    assert box.peers() == {}


def test_save_config_overwrites_the_file_at_down(box: Any) -> None:
    file = box.configs / "wgq.conf"
    private = box.settings()[0]
    file.write_text(
        f"# the owner's note\n[Interface]\nPrivateKey = {private}\n"
        "ListenPort = 5\nSaveConfig = true\n"
    )
    file.chmod(0o600)
    box.run("wg-quick", "up", "wgq")
    box.run("wg-quick", "down", "wgq")
    assert "the owner's note" not in file.read_text()


def test_a_line_break_in_a_comment_becomes_a_hook(box: Any, tmp_path: Any) -> None:
    name = f"ada\nPostUp = touch {tmp_path}/pwned"
    file = box.configs / "wgq.conf"
    private = box.settings()[0]
    file.write_text(f"[Interface]\nPrivateKey = {private}\nListenPort = 5\n# {name}\n")
    file.chmod(0o600)
    box.run("wg-quick", "up", "wgq")
    box.run("wg-quick", "down", "wgq")
    assert (tmp_path / "pwned").exists()


def test_python_accepts_and_repeats_a_line_break_in_a_zone_id() -> None:
    hostile = "fe80::1%a\nPostUp=touch pwned"
    assert str(ipaddress.ip_address(hostile)) == hostile


def test_a_dump_of_all_has_one_column_more(box: Any, make_peer: Any) -> None:
    box.add_peers([make_peer()])
    alone = box.run("wg", "show", "wg0", "dump").splitlines()
    among = box.run("wg", "show", "all", "dump").splitlines()
    assert [len(line.split("\t")) for line in alone] == [4, 8]
    assert [len(line.split("\t")) for line in among] == [5, 9]


def test_a_dump_prints_every_secret_and_its_sentinels(box: Any, make_peer: Any) -> None:
    peer = make_peer(preshared_key=_secret(), allowed_ips=())
    box.add_peers([peer, make_peer()])
    text = box.run("wg", "show", "wg0", "dump")
    assert peer.preshared_key in text
    assert text.split("\t")[0] == box.settings()[0]
    assert box.peers()[peer.public_key][1:] == ["(none)", "(none)", "0", "0", "0", "off"]


def test_an_input_file_gives_its_first_key_to_every_peer(
    box: Any, make_peer: Any, tmp_path: Any
) -> None:
    """Each name of the input starts it again; the agent sends keys in a configuration."""
    peers = [make_peer(), make_peer()]
    words = [w for it in peers for w in ("peer", it.public_key, "preshared-key", "/dev/stdin")]
    file = tmp_path / "key"
    file.write_text(_secret())
    with file.open() as given:
        subprocess.run(box.inside("wg", "set", "wg0", *words), stdin=given, check=True)
    assert [columns[0] for columns in box.peers().values()] == [file.read_text()] * 2


def test_an_empty_list_of_addresses_is_refused(box: Any, make_peer: Any) -> None:
    text = section(make_peer().public_key, AllowedIPs="")
    words = box.inside("wg", "addconf", "wg0", "/dev/stdin")
    done = subprocess.run(words, input=text, text=True, capture_output=True, check=False)
    assert "Line unrecognized: `AllowedIPs='" in done.stderr


async def test_one_addconf_gives_each_peer_its_own_preshared_key(
    box: Any, make_peer: Any, wireguard: WireGuard
) -> None:
    peers = [make_peer(preshared_key=_secret()) for _ in range(5)]
    await wireguard.add("wg0", peers)
    found = {key: columns[0] for key, columns in box.peers().items()}
    assert found == {peer.public_key: peer.preshared_key for peer in peers}


async def test_many_peers_go_in_one_command_and_come_out_in_one(
    box: Any, make_peer: Any, wireguard: WireGuard
) -> None:
    peers = [make_peer() for _ in range(500)]
    await wireguard.add("wg0", peers)
    assert len(box.peers()) == 500
    await wireguard.remove("wg0", [peer.public_key for peer in peers])
    assert box.peers() == {}


async def test_a_peer_without_addresses_is_accepted(
    box: Any, make_peer: Any, wireguard: WireGuard
) -> None:
    peer = make_peer(allowed_ips=())
    await wireguard.add("wg0", [peer])
    assert box.peers()[peer.public_key][2] == "(none)"


def test_a_host_name_makes_wg_wait_unless_retries_are_off(box: Any, make_peer: Any) -> None:
    """Name service here gives no answer at all, which `wg` takes for a passing trouble."""
    text = section(make_peer().public_key, Endpoint="vpn.invalid.test:51820")
    box.configs.joinpath("resolv.conf").write_text(
        "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n"
    )
    box.run("mount", "--bind", str(box.configs / "resolv.conf"), "/etc/resolv.conf")
    words = box.inside("wg", "addconf", "wg0", "/dev/stdin")
    writer = subprocess.Popen(words, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with pytest.raises(subprocess.TimeoutExpired):
        writer.communicate(text, timeout=2)
    writer.kill()
    _, complaint = writer.communicate()
    assert "Trying again in" in complaint


def test_user_space_sockets_belong_to_the_mount_namespace(box: Any) -> None:
    inside = set(os.listdir("/run/wireguard"))
    assert inside == {"wg0.sock"}
    elsewhere = ("unshare", "--net", "nsenter", f"--mount=/proc/{box.pid}/ns/mnt")
    seen = output(*elsewhere, "wg", "show", "interfaces")
    assert seen.split() == ["wg0"]  # from another network, by the shared folder


def test_wg_deletes_a_socket_that_does_not_listen_yet(box: Any) -> None:
    """Whoever asks `wg` in a tight loop can take a starting interface its socket away."""
    path = "/run/wireguard/wg7.sock"
    with socket.socket(socket.AF_UNIX) as starting:
        starting.bind(path)
        assert box.run("wg", "show", "interfaces").split() == ["wg0"]
    assert not os.path.exists(path)


async def test_a_hung_user_space_hangs_wg(box: Any, wireguard: WireGuard) -> None:
    box.children["wg0"].send_signal(signal.SIGSTOP)
    words = box.inside("wg", "show", "wg0", "dump")
    with pytest.raises(subprocess.TimeoutExpired):
        subprocess.run(words, timeout=0.5, capture_output=True, check=False)
    box.children["wg0"].send_signal(signal.SIGCONT)


def _secret() -> str:
    return output("wg", "genpsk").strip()


def output(*words: str) -> str:
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout
