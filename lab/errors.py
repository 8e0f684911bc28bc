"""What can go wrong in the lab."""

from collections.abc import Sequence


class LabError(Exception):
    """The lab cannot do what was asked; the text says why in words."""


class CommandFailed(LabError):
    """A program could not be run, took too long or ended with an error."""

    def __init__(self, words: Sequence[str], reason: str) -> None:
        super().__init__(f"{' '.join(words)}: {reason}")
        self.words = tuple(words)
        self.reason = reason
