"""Run one program to its end: a list of words, no shell, always a time limit."""

import subprocess
from collections.abc import Mapping, Sequence

from lab.errors import CommandFailed

# Fixed, so that a caller's variables (LOG_LEVEL makes wireguard-go keep our pipes) change nothing.
ENVIRONMENT: Mapping[str, str] = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL": "C",
}


def run(words: Sequence[str], *, stdin: str = "", timeout_seconds: float = 20.0) -> str:
    """Standard output of the program; raises CommandFailed for everything but exit code 0."""
    try:
        done = subprocess.run(
            words,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout_seconds,
            env=ENVIRONMENT,
            start_new_session=True,  # Ctrl-C in a terminal must not cut a half-made change
        )
    except OSError as error:
        raise CommandFailed(words, str(error)) from error
    except subprocess.TimeoutExpired as error:
        raise CommandFailed(words, f"no end after {timeout_seconds:g} s") from error
    if done.returncode != 0:
        raise CommandFailed(words, done.stderr.strip() or f"exit code {done.returncode}")
    return done.stdout


def batch(words: Sequence[str], lines: Sequence[str]) -> str:
    """Several commands of `ip` in one process; `words` is `ip` with its options."""
    return run([*words, "-batch", "-"], stdin="\n".join(lines) + "\n")
