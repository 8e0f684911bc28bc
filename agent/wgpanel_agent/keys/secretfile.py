"""The secret shared with the panel: read from a file that only its owner can read.

An environment is visible in /proc/<pid>/environ for as long as a process lives, and is inherited.
A secret found there is therefore moved to memory, and the agent starts again without it.
"""

import os
import stat
import sys
from collections.abc import MutableMapping
from pathlib import Path

from wgpanel_agent.protocol import weakness

VARIABLE = "WGPANEL_AGENT_SECRET"
FILE_VARIABLE = "WGPANEL_AGENT_SECRET_FILE"
HINT = "make one with: (umask 077; openssl rand -hex 32 > {path}), and give it to the panel"


class BadSecret(Exception):
    """One sentence on what is wrong with the secret, and what to do."""


def read_secret(path: Path) -> bytes:
    """Without a final line feed. Raises BadSecret for one that is missing, open or weak."""
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            secret = file.read(4096).removesuffix(b"\n")
    except OSError as error:
        raise BadSecret(
            f"cannot read the secret {path}: {error.strerror}; {HINT.format(path=path)}"
        ) from error
    if mode & 0o077:
        raise BadSecret(f"others may read {path} (mode {mode:04o}); run: chmod 600 {path}")
    fault = weakness(secret)
    if fault:
        raise BadSecret(f"the secret in {path} {fault}; {HINT.format(path=path)}")
    return secret


def move_out_of_environment(environment: MutableMapping[str, str]) -> None:
    """Start again with the secret in an anonymous file, if it is in the environment."""
    secret = environment.pop(VARIABLE, "")
    if not secret:
        return
    environment[FILE_VARIABLE] = f"/proc/self/fd/{_anonymous_file(secret)}"
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - no shell wanted


def move_out_of_arguments(secret: str) -> None:
    """Start again with @ and an anonymous file in its place: everybody sees a command line."""
    path = f"/proc/self/fd/{_anonymous_file(secret)}"
    words = [word.replace(secret, f"@{path}") for word in sys.orig_argv[1:]]
    os.execv(sys.executable, [sys.executable, *words])  # noqa: S606 - no shell wanted


def _anonymous_file(secret: str) -> int:
    fd = os.memfd_create("wgpanel-agent-secret", 0)  # stays open in the new program
    os.fchmod(fd, 0o600)
    os.write(fd, secret.encode())
    return fd


def close_handed_down(path: Path) -> None:
    """Our own programs must not inherit what `move_out_of_environment` left open."""
    if path.parent == Path("/proc/self/fd"):
        os.close(int(path.name))
