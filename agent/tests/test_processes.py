"""Programs run from word lists, with memory for input and output."""

import asyncio
import contextlib

import psutil
import pytest
from wgpanel_agent.host.processes import ProcessError, run


async def test_input_can_be_opened_by_name() -> None:
    outcome = await run(["cat", "/dev/stdin"], stdin=b"secret", timeout_seconds=5)
    assert (outcome.exit_code, outcome.stdout) == (0, b"secret")


async def test_the_exit_code_and_both_outputs_are_told() -> None:
    outcome = await run(["sh", "-c", "echo out; echo err >&2; exit 3"], timeout_seconds=5)
    assert (outcome.exit_code, outcome.stdout, outcome.stderr) == (3, b"out\n", b"err\n")


async def test_large_output_arrives_whole() -> None:
    outcome = await run(["head", "-c", "3000000", "/dev/zero"], timeout_seconds=5)
    assert len(outcome.stdout) == 3_000_000


async def test_words_are_never_read_by_a_shell() -> None:
    outcome = await run(["echo", "$(id)", "; id", "*"], timeout_seconds=5)
    assert outcome.stdout == b"$(id) ; id *\n"


async def test_nothing_of_our_environment_is_handed_down(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANARY", "x")
    outcome = await run(["env"], timeout_seconds=5)
    assert b"CANARY" not in outcome.stdout
    assert b"LC_ALL=C\n" in outcome.stdout


async def test_our_own_files_are_not_handed_down() -> None:
    with open("/dev/null") as ours:
        outcome = await run(["ls", "/proc/self/fd"], timeout_seconds=5)
        assert str(ours.fileno()).encode() not in outcome.stdout.split()
    assert {b"0", b"1", b"2"} <= set(outcome.stdout.split())


async def test_a_missing_program_is_named() -> None:
    with pytest.raises(ProcessError, match="no-such-program is not installed"):
        await run(["no-such-program"], timeout_seconds=5)


async def test_a_program_that_hangs_is_killed_and_reaped() -> None:
    call = asyncio.create_task(run(["sleep", "60.1"], timeout_seconds=0.2))
    pid = await pid_of("sleep", "60.1")
    with pytest.raises(ProcessError, match="no answer within 0.2 s"):
        await call
    await wait_until_reaped(pid)


async def test_a_cancelled_call_leaves_no_process() -> None:
    call = asyncio.create_task(run(["sleep", "60.2"], timeout_seconds=60))
    pid = await pid_of("sleep", "60.2")
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await wait_until_reaped(pid)


async def pid_of(*words: str) -> int:
    while True:
        await asyncio.sleep(0.01)
        for child in psutil.Process().children():
            with contextlib.suppress(psutil.Error):
                if child.cmdline() == list(words):
                    return child.pid


async def wait_until_reaped(pid: int) -> None:
    async with asyncio.timeout(5):
        while psutil.pid_exists(pid):
            await asyncio.sleep(0.01)
    assert not psutil.pid_exists(pid)
