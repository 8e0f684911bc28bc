from pathlib import Path

from lab.command import run
from lab.wireguard import (
    Configuration,
    Peer,
    make_preshared_key,
    make_private_key,
    public_key,
)


def make_peer(**fields: object) -> Peer:
    defaults = {"public_key": "PUB", "preshared_key": "PSK", "allowed_ips": ("10.0.0.2/32",)}
    return Peer(**{**defaults, **fields})  # type: ignore[arg-type]


def make_configuration(**fields: object) -> Configuration:
    defaults = {"private_key": "PRIVATE", "addresses": ("10.0.0.1/24",), "peers": ()}
    return Configuration(**{**defaults, **fields})  # type: ignore[arg-type]


def test_public_keys_are_those_of_wg() -> None:
    private = make_private_key()

    assert public_key(private) == run(["wg", "pubkey"], stdin=private).strip()


def test_preshared_keys_are_32_random_bytes_in_base64() -> None:
    assert len(make_preshared_key()) == len(run(["wg", "genpsk"]).strip())
    assert make_preshared_key() != make_preshared_key()


def test_a_server_listens_and_lists_its_peers() -> None:
    text = make_configuration(listen_port=51820, peers=(make_peer(), make_peer())).text()

    assert "ListenPort = 51820\n" in text
    assert text.count("[Peer]") == 2
    assert "Endpoint" not in text


def test_a_client_names_its_servers_endpoint_and_keeps_alive() -> None:
    server = make_peer(endpoint="[fd00::1]:51820", keepalive_seconds=25)
    text = make_configuration(peers=(server,)).text()

    assert "Endpoint = [fd00::1]:51820\nPersistentKeepalive = 25\n" in text
    assert "ListenPort" not in text


def test_the_file_is_readable_for_its_owner_only(tmp_path: Path) -> None:
    make_configuration().write(tmp_path / "wireguard")

    assert (tmp_path / "wireguard" / "wg0.conf").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "wireguard").stat().st_mode & 0o777 == 0o700
