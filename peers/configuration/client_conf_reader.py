"""Read the settings of a client's file as `wg` and wg-quick read them, without judging values."""

import re
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass

from wgpanel_agent.documents import InvalidDocument

_LARGEST = 64 * 1024
_KEYS: Mapping[str, tuple[str, ...]] = {
    "interface": ("PrivateKey", "Address", "DNS", "MTU"),
    "peer": ("PublicKey", "PresharedKey", "AllowedIPs", "Endpoint", "PersistentKeepalive"),
}
# What some reader takes for a line break, or does not show; U+2028 is one for several of them.
_UNREADABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Setting:
    """The text behind a key, and the number of its line."""

    line: int
    text: str


def settings(text: str) -> dict[str, Setting]:
    """Return each key of a file in its own spelling; raise InvalidDocument, which names the line.

    The file has one [Interface] and one [Peer] at most, known keys only, each once.
    """
    if len(text) > _LARGEST:
        raise InvalidDocument("configuration", f"has more than {_LARGEST} characters")
    section, entered, found = "", set[str](), dict[str, Setting]()
    for number, line in _meaningful_lines(text):
        if line.startswith("["):
            section = _section(line, number)
            _refuse_second(section, entered, number)
            entered.add(section)
        else:
            key = _key(line, section, number)
            _refuse_second(key, found, number)
            found[key] = Setting(number, line.partition("=")[2].strip(" \t"))
    return found


def _meaningful_lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), start=1):
        if _UNREADABLE.search(line):
            raise InvalidDocument(f"line {number}", "has a control character")
        if said := line.partition("#")[0].strip(" \t"):
            yield number, said


def _section(line: str, number: int) -> str:
    name = line.lower().removeprefix("[").removesuffix("]")
    if name not in _KEYS or not line.endswith("]"):
        raise InvalidDocument(f"line {number}", "is neither [Interface] nor [Peer]")
    return name


def _key(line: str, section: str, number: int) -> str:
    name, equals, _ = line.partition("=")
    known = {key.lower(): key for key in _KEYS.get(section, ())}
    key = known.get(name.strip(" \t").lower())
    if key is None or not equals:
        raise InvalidDocument(f"line {number}", "is not a setting of a client's file")
    return key


def _refuse_second(name: str, seen: Container[str], number: int) -> None:
    if name in seen:
        raise InvalidDocument(f"line {number}", "says something for the second time")
