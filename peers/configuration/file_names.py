"""How the file of a peer is called: the name becomes that of the tunnel on the device.

wg-quick and Android take 1 to 15 characters of `[a-zA-Z0-9_=+.-]`; Windows keeps some names for
devices. The name of a peer stays what it is; only its file is called like this.
"""

import re
import unicodedata
import uuid
from collections import Counter
from collections.abc import Iterable

ENDING = ".conf"
_LONGEST = 15
_UNUSABLE = re.compile(r"[^A-Za-z0-9_=+.]+", re.ASCII)
_RUN = re.compile(r"[.-]{2,}")  # no "..", whatever takes it for a folder
_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.ASCII | re.IGNORECASE)
# letters that Unicode does not take apart
_LATIN = str.maketrans(
    {"ł": "l", "Ł": "L", "ø": "o", "Ø": "O", "đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "ı": "i",
     "ß": "ss", "æ": "ae", "Æ": "Ae", "œ": "oe", "Œ": "Oe", "þ": "th", "Þ": "Th", "'": "", "’": ""}
)  # fmt: skip


def file_name(name: str, pk: uuid.UUID) -> str:
    """Return the name of one peer's file, the same at every download."""
    return f"{stem(name, pk)}{ENDING}"


def stem(name: str, pk: uuid.UUID) -> str:
    """Return what is left of `name`; one that is too long keeps apart by four digits of `pk`."""
    said = _slug(name)
    if not said:
        return f"wg-{pk.hex[:8]}"
    if _DEVICE.fullmatch(said):
        said = f"wg-{said}"
    return said if len(said) <= _LONGEST else _marked(said, pk, 4)


def _slug(name: str) -> str:
    taken_apart = unicodedata.normalize("NFKD", name.translate(_LATIN))
    letters = "".join(c for c in taken_apart if not unicodedata.combining(c))
    return _RUN.sub("-", _UNUSABLE.sub("-", letters)).strip("-.")


def _marked(said: str, pk: uuid.UUID, digits: int) -> str:
    """Cut `said` so that a hyphen and the first `digits` of `pk` find room behind it."""
    return f"{said[: _LONGEST - 1 - digits].rstrip('-.')}-{pk.hex[:digits]}"


def unique_names(named: Iterable[tuple[uuid.UUID, str]]) -> dict[uuid.UUID, str]:
    """Return the names of files that lie in one folder: different even without regard to case."""
    stems = {pk: stem(name, pk) for pk, name in named}
    counts = Counter(said.lower() for said in stems.values())
    taken = {said for said, count in counts.items() if count == 1}
    for pk, said in stems.items():
        if counts[said.lower()] > 1:
            stems[pk] = _free(said, pk, taken)
            taken.add(stems[pk].lower())
    return {pk: f"{said}{ENDING}" for pk, said in stems.items()}


def _free(said: str, pk: uuid.UUID, taken: set[str]) -> str:
    candidates = (_marked(said, pk, digits) for digits in range(4, _LONGEST - 1))
    return next(it for it in candidates if it.lower() not in taken)
