"""What the agent must remember of an interface besides the journal: one small file for each.

Which addresses are its own to remove, and that an operator took the interface down. A file that
cannot be read means that nothing is remembered: then nothing is removed.
"""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from wgpanel_agent.files.conffile import replace_file


@dataclass(frozen=True, slots=True)
class Marks:
    """`addresses` were put there by the agent, or named by the panel; `is_stopped` says that the
    interface is to stay down."""

    addresses: tuple[str, ...] = ()
    is_stopped: bool = False


class MarkFiles:
    """In a folder that nobody else can read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, Marks] = {}

    def of(self, name: str) -> Marks:
        if name not in self._known:
            self._known[name] = _read(self._path(name))
        return self._known[name]

    def own(self, name: str, addresses: tuple[str, ...]) -> None:
        """Raises OSError."""
        self._keep(name, replace(self.of(name), addresses=addresses))

    def stop(self, name: str, *, is_stopped: bool) -> None:
        """Raises OSError."""
        self._keep(name, replace(self.of(name), is_stopped=is_stopped))

    def forget(self, name: str) -> None:
        self._known.pop(name, None)
        self._path(name).unlink(missing_ok=True)

    def _keep(self, name: str, marks: Marks) -> None:
        if marks != self.of(name):
            replace_file(self._path(name), json.dumps(asdict(marks)))
            self._known[name] = marks

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.json"


def _read(path: Path) -> Marks:
    try:
        given = json.loads(path.read_text("ascii"))
        return Marks(tuple(map(str, given["addresses"])), given["is_stopped"] is True)
    except (OSError, ValueError, KeyError, TypeError):
        return Marks()
