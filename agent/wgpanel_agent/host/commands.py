"""Run one program that must succeed: `ip`, `nft`, `wg-quick`. No shell, no secret in an error."""

import re
import shutil
from collections.abc import Sequence

from wgpanel_agent.host.processes import ENVIRONMENT, Outcome, ProcessError, run
from wgpanel_agent.host.wireguard import WireGuardError

_VALUES = re.compile(r"`[^']*'?|[A-Za-z0-9+/]{43}=")  # what wg quotes, and whatever may be a key
_NOISE = ("[#]", "[!]", "Command failed", "Warning:")


class CommandFailed(WireGuardError):
    """The program ended with an error, or could not be run; the text names it and says why."""


def complaint(words: Sequence[str], outcome: Outcome) -> str:
    """What the program said: wg-quick tells its reason last, the others first."""
    said = outcome.stderr.decode("utf-8", "replace").splitlines()
    reasons = [line.strip() for line in said if line.strip() and not line.startswith(_NOISE)]
    if not reasons:
        return f"{words[0]}: exit code {outcome.exit_code}"
    reason = reasons[-1 if words[0] == "wg-quick" else 0].removeprefix(f"{words[0]}: ")
    return f"{words[0]}: {_VALUES.sub('(value)', reason)[:200]}"


def is_installed(program: str) -> bool:
    return shutil.which(program, path=ENVIRONMENT["PATH"]) is not None


async def succeed(words: Sequence[str], timeout_seconds: float, stdin: str = "") -> str:
    """What it printed. Raises CommandFailed."""
    try:
        outcome = await run(words, stdin=stdin.encode("ascii"), timeout_seconds=timeout_seconds)
    except ProcessError as error:
        raise CommandFailed(f"{words[0]}: {error}") from error
    if outcome.exit_code:
        raise CommandFailed(complaint(words, outcome))
    return outcome.stdout.decode("utf-8", "replace")
