import json
from dataclasses import asdict
from pathlib import Path

import pytest

from lab.errors import LabError
from lab.fleet import Fleet
from lab.instance import Instance
from lab.owner import Owner
from lab.record import Record

DEAD = Owner(pid=1, started_ticks=-1)


def write_owner(folder: Path, owner: Owner) -> None:
    (folder / "owner.json").write_text(json.dumps({"instance": 7, **asdict(owner)}))


def test_a_folder_has_its_owner_while_it_is_open(tmp_path: Path) -> None:
    record = Record(tmp_path)
    with record.opened(Instance(7)):
        assert record.owner() == Owner.current()

    assert record.owner() is None


def test_a_folder_has_one_living_owner(tmp_path: Path) -> None:
    write_owner(tmp_path, Owner.current())

    with pytest.raises(LabError, match="already runs a lab"), Record(tmp_path).opened(Instance(7)):
        pass


def test_the_folder_of_a_dead_owner_can_be_taken_over(tmp_path: Path) -> None:
    write_owner(tmp_path, DEAD)

    with Record(tmp_path).opened(Instance(8)):
        assert Record(tmp_path).owner() == Owner.current()


def test_what_a_dead_owner_said_about_its_fleet_is_not_believed(tmp_path: Path) -> None:
    write_owner(tmp_path, DEAD)
    (tmp_path / "fleet.json").write_text('{"nodes": []}')

    assert Record(tmp_path).fleet() is None


@pytest.mark.lab
def test_a_fleet_tells_what_a_panel_needs_to_know(tmp_path: Path) -> None:
    with Fleet(tmp_path, groups=["Europe"], clients=1, agents=False) as fleet:
        told = Record(tmp_path).fleet()
        mode = (tmp_path / "fleet.json").stat().st_mode & 0o777

    assert told is not None
    assert told["nodes"][0]["url"] == fleet.nodes[0].agent.url
    assert told["nodes"][0]["secret"] == fleet.nodes[0].identity.secret
    assert told["clients"][0]["node"] == "europe-1"
    assert mode == 0o600
