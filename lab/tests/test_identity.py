from pathlib import Path

from lab.identity import Identity


def test_a_node_keeps_its_identity_when_the_lab_is_started_again(tmp_path: Path) -> None:
    file = tmp_path / "identity.json"

    assert Identity.kept_in(file) == Identity.kept_in(file)


def test_two_nodes_have_nothing_in_common() -> None:
    one, other = Identity.made_now(), Identity.made_now()

    assert one.node_id != other.node_id
    assert one.secret != other.secret
    assert one.private_key != other.private_key


def test_the_file_is_readable_for_its_owner_only(tmp_path: Path) -> None:
    Identity.kept_in(tmp_path / "identity.json")

    assert (tmp_path / "identity.json").stat().st_mode & 0o777 == 0o600
