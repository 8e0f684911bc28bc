import os
import subprocess
from collections.abc import Iterator

import pytest

from lab.owner import Owner, start_ticks


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "60"]) as child:
        yield child
        child.kill()


def test_this_process_is_alive() -> None:
    assert Owner.current().is_alive


def test_a_recycled_process_id_is_not_its_former_owner() -> None:
    started = start_ticks(os.getpid())
    assert started is not None

    assert not Owner(os.getpid(), started - 1).is_alive


def test_a_dead_child_that_nobody_waited_for_is_not_alive() -> None:
    child = subprocess.Popen(["true"])
    owner = Owner(child.pid, start_ticks(child.pid) or 0)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)

    assert not owner.is_alive
    child.wait()


def test_a_stranger_with_the_owners_id_is_not_terminated(
    sleeper: subprocess.Popen[bytes],
) -> None:
    started = start_ticks(sleeper.pid)
    assert started is not None

    assert not Owner(sleeper.pid, started - 1).terminate()
    assert sleeper.poll() is None


def test_the_owner_is_terminated(sleeper: subprocess.Popen[bytes]) -> None:
    started = start_ticks(sleeper.pid)
    assert started is not None

    assert Owner(sleeper.pid, started).terminate()
    assert sleeper.wait(10) == -15


def test_terminating_a_process_that_is_gone_says_so() -> None:
    child = subprocess.Popen(["true"])
    child.wait()

    assert not Owner(child.pid, 1).terminate()
