"""What a node says of itself when it joins: read strictly, and only after it was proven."""

import json
import re
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from wgpanel_agent import grammar, proof

from groups.validators import printable
from nodes.enrolment.errors import BadHello
from nodes.validators import agent_url

FIELDS = {
    "protocol": int, "token": str, "share": str, "host": str, "version": str, "port": int,
    "agent_url": str, "tls_pin": str, "panel_url": str, "panel_pin": str, "node_id": str,
    "managed": list, "interfaces": list,
}  # fmt: skip
INTERFACE = {"name": str, "public_key": str, "listen_port": int, "peers": int}
MOST_INTERFACES = 64
_PIN = re.compile(rf"({proof.HEX_KEY})?")
# One that we do not manage may have any name that Linux accepts.
_LINUX_NAME = re.compile(r"[^\s/:\x00-\x1f\x7f]{1,15}")
_LINE = re.compile(r"[\x21-\x7e]{0,300}")


@dataclass(frozen=True, slots=True)
class Hello:
    """Texts are empty where the node has nothing to say."""

    token: str
    share: str
    host: str
    version: str
    port: int
    agent_url: str
    tls_pin: str
    panel_url: str
    panel_pin: str
    node_id: str
    managed: tuple[str, ...]
    interfaces: tuple[dict[str, Any], ...]

    @classmethod
    def parse(cls, text: str) -> "Hello":
        """Raises BadHello."""
        try:
            fields = _typed(json.loads(text), FIELDS)
            _check(fields)
        except (ValueError, RecursionError, ValidationError) as error:
            raise BadHello(f"The node's hello cannot be used: {_words(error)}") from error
        fields.pop("protocol")
        lists = {name: tuple(fields[name]) for name in ("managed", "interfaces")}
        return cls(**{**fields, **lists})


def _typed(value: Any, types: dict[str, type]) -> dict[str, Any]:
    if not isinstance(value, dict) or value.keys() != types.keys():
        raise ValueError(f"it must have {', '.join(types)}")
    wrong = [name for name, kind in types.items() if type(value[name]) is not kind]
    if wrong:
        raise ValueError(f"{wrong[0]} is of another type")
    return value


def _check(fields: dict[str, Any]) -> None:
    if fields["protocol"] != proof.PROTOCOL:
        raise ValueError(f"this panel speaks protocol {proof.PROTOCOL}")
    if not 1 <= fields["port"] <= 65535:
        raise ValueError("port is none")
    for name in ("tls_pin", "panel_pin"):
        if not _PIN.fullmatch(fields[name]):
            raise ValueError(f"{name} is none")
    for name in ("version", "panel_url", "node_id", "token", "share"):
        if not _LINE.fullmatch(fields[name]):
            raise ValueError(f"{name} is too long or has spaces")
    if len(fields["host"]) > 64 or len(fields["version"]) > 32:
        raise ValueError("host or version is too long")
    printable(fields["host"])
    if fields["agent_url"]:
        agent_url(fields["agent_url"])
    _check_interfaces(fields)


def _check_interfaces(fields: dict[str, Any]) -> None:
    if max(len(fields["managed"]), len(fields["interfaces"])) > MOST_INTERFACES:
        raise ValueError("there are too many interfaces")
    for told in fields["interfaces"]:
        _typed(told, INTERFACE)
        if len(told["public_key"]) > 44 or not _LINE.fullmatch(told["public_key"]):
            raise ValueError("a public key is none")
        if not _LINUX_NAME.fullmatch(told["name"]):
            raise ValueError("the name of an interface is none")
    for name in fields["managed"]:
        _check_name(name)


def _check_name(name: Any) -> None:
    try:
        grammar.interface_name(name)
    except grammar.InvalidDocument as error:
        raise ValueError(f"the name of an interface {error.problem}") from error


def _words(error: Exception) -> str:
    return " ".join(error.messages) if isinstance(error, ValidationError) else f"{error}."
