"""What a node that joins keeps on disk: a draft until the panel has answered, then its settings.

The draft is written before anything is sent, and removed last. Killed in between, the agent finds
it and says the same bytes again, and the panel gives the same answer.
"""

import json
import shutil
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from wgpanel_agent.files.conffile import replace_file
from wgpanel_agent.joining import certificate
from wgpanel_agent.joining.certificate import CERTIFICATE_FILE, KEY_FILE
from wgpanel_agent.tls import FOLDER

DRAFT_FOLDER, DRAFT_FILE = "joining", "draft.json"


class CannotJoin(Exception):
    """One sentence: what is in the way, and what to do."""


@dataclass(frozen=True, slots=True)
class Draft:
    """One attempt to join: the token's public part, our share, and what we said."""

    token: str
    share: str = field(repr=False)
    hello: str


@dataclass(frozen=True, slots=True)
class Places:
    """Where the agent's files are. `config` is agent.toml."""

    config: Path
    state_dir: Path

    @property
    def secret(self) -> Path:
        return self.config.with_name("secret")

    @property
    def draft_folder(self) -> Path:
        return self.state_dir / DRAFT_FOLDER

    def settings(self) -> dict[str, Any]:
        """What agent.toml says; nothing if there is none. Raises CannotJoin."""
        try:
            return tomllib.loads(self.config.read_text("utf-8"))
        except FileNotFoundError:
            return {}
        except ValueError as error:
            raise CannotJoin(f"cannot read {self.config}: {error}") from error

    def draft(self, token: str) -> Draft | None:
        """The attempt with this token that was not finished."""
        try:
            found = Draft(**json.loads((self.draft_folder / DRAFT_FILE).read_text("utf-8")))
        except (FileNotFoundError, ValueError, TypeError):
            return None
        return found if found.token == token else None

    def new_certificate(self) -> str:
        """Make one for this attempt, beside the one in use; return its pin."""
        self._make_folders()
        certificate.make(self.draft_folder)
        return certificate.pin_of_file(self.draft_folder / CERTIFICATE_FILE)

    def keep(self, draft: Draft) -> None:
        self._make_folders()
        replace_file(self.draft_folder / DRAFT_FILE, json.dumps(asdict(draft)))

    def finish(self, secret: str, settings: Mapping[str, Any], *, has_tls: bool) -> None:
        """Each file is whole or as it was; whoever is killed between two starts here again."""
        self._make_folders()
        if has_tls:
            for name in (KEY_FILE, CERTIFICATE_FILE):
                text = (self.draft_folder / name).read_text("ascii")
                replace_file(self.state_dir / FOLDER / name, text)
        else:
            shutil.rmtree(self.state_dir / FOLDER, ignore_errors=True)
        replace_file(self.secret, secret + "\n")
        replace_file(self.config, as_toml({**self.settings(), **settings}))
        self.forget_draft()

    def _make_folders(self) -> None:
        """Each by itself: parents that are made on the way would be open to all."""
        for folder in (self.config.parent, self.state_dir):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def forget_draft(self) -> None:
        (self.draft_folder / DRAFT_FILE).unlink(missing_ok=True)
        shutil.rmtree(self.draft_folder, ignore_errors=True)


def as_toml(settings: Mapping[str, Any]) -> str:
    """Texts, numbers, switches and lists of them, which is all that agent.toml has; a text in JSON
    is one in TOML (without DEL, which no setting has)."""
    return "".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items())
