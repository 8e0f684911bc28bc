"""What makes a node the same node when the lab is started again: its id, its secret, its key."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from secrets import token_urlsafe
from uuid import uuid4

from lab.wireguard import make_private_key


@dataclass(frozen=True)
class Identity:
    """`secret` is the 32 byte master that panel and agent share, in base64url."""

    node_id: str
    secret: str
    private_key: str

    @classmethod
    def made_now(cls) -> "Identity":
        return cls(str(uuid4()), token_urlsafe(32), make_private_key())

    @classmethod
    def kept_in(cls, file: Path) -> "Identity":
        """The one in the file; made and written if there is none."""
        if file.exists():
            return cls(**json.loads(file.read_text()))
        identity = cls.made_now()
        identity.keep_in(file)
        return identity

    def keep_in(self, file: Path) -> None:
        file.touch(mode=0o600)
        file.write_text(json.dumps(asdict(self)))
