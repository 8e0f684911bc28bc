"""What is told of a program that failed: its reason, never a value that may be a secret."""

import pytest
from wgpanel_agent.host.commands import CommandFailed, complaint, succeed
from wgpanel_agent.host.processes import Outcome

KEY = "4BaULVmixBANbREIkorYceZ4Y5Qe7Pbysp8I6krQL0k="


def told(program: str, said: str) -> str:
    return complaint([program], Outcome(1, b"", said.encode()))


def test_wg_quick_tells_its_reason_last() -> None:
    said = (
        "[#] ip link add wg0 type wireguard\nError: Unknown device type.\n"
        "[!] Missing WireGuard kernel module. Falling back to slow userspace implementation.\n"
        "[#] wg setconf wg0 /dev/fd/63\nUnable to modify interface: Address already in use\n"
        "[#] ip link delete dev wg0\n"
    )
    assert told("wg-quick", said) == "wg-quick: Unable to modify interface: Address already in use"


def test_the_others_tell_it_first() -> None:
    assert told("ip", "RTNETLINK answers: File exists\nCommand failed -:1\n") == (
        "ip: RTNETLINK answers: File exists"
    )
    assert told("nft", "Error: syntax error\nadd table x\n    ^^^^\n") == "nft: Error: syntax error"


def test_the_program_is_named_once() -> None:
    assert (
        told("wg-quick", "wg-quick: `wg0' already exists\n") == "wg-quick: (value) already exists"
    )


@pytest.mark.parametrize("said", [f"Key is wrong: `{KEY}'", f"PrivateKey = {KEY}"])
def test_no_key_is_repeated(said: str) -> None:
    assert KEY not in told("wg-quick", said)


def test_silence_tells_the_exit_code() -> None:
    assert told("ip", "") == "ip: exit code 1"


async def test_what_succeeds_is_printed() -> None:
    assert await succeed(["cat"], 5.0, "text") == "text"


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["ls", "/nowhere"], "ls: cannot access '/nowhere': No such file or directory"),
        (["no-such-program"], "no-such-program: no-such-program is not installed"),
    ],
)
async def test_a_failure_names_the_program_and_says_why(words: list[str], why: str) -> None:
    with pytest.raises(CommandFailed) as failed:
        await succeed(words, 5.0)
    assert str(failed.value) == why
