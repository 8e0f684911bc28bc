"""Read one variable of the environment; a value that cannot be used stops the start by name.

A variable that is empty counts as not set.
"""

import ipaddress
import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from cryptography import x509
from django.core.exceptions import ImproperlyConfigured

TRUTH = {"1": True, "true": True, "yes": True, "on": True,
         "0": False, "false": False, "no": False, "off": False}  # fmt: skip
# What may stand in a line for a shell, and in Django's ALLOWED_HOSTS.
SITE = re.compile(r"https?://[\w.:\[\]-]+(/[\w.~/-]*)?", re.ASCII)
HOST = re.compile(r"\*|\.?[\w.-]+|\[[0-9a-f:.]+\]", re.ASCII | re.IGNORECASE)
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def text(name: str, default: str = "") -> str:
    return os.environ.get(name, "").strip() or default


def secret(name: str) -> str:
    """Return what is in the variable, or in the file that the one with _FILE behind it names."""
    file = text(f"{name}_FILE")
    if text(name) or not file:
        return text(name)
    try:
        return Path(file).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ImproperlyConfigured(
            f"{name}_FILE: {file} cannot be read: {getattr(error, 'strerror', 'it is not text')}."
        ) from error


def truth(name: str, default: bool = False) -> bool:
    return TRUTH[choice(name, tuple(TRUTH), "1" if default else "0")]


def choice(name: str, allowed: tuple[str, ...], default: str) -> str:
    """Return one of `allowed`, in whatever case it was written."""
    value = text(name, default)
    found = next((word for word in allowed if word.lower() == value.lower()), None)
    if found is None:
        raise ImproperlyConfigured(f"{name} is {value!r}; it must be one of {', '.join(allowed)}.")
    return found


def whole(name: str, default: int, *, least: int, most: int) -> int:
    """Return a whole number from `least` to `most`."""
    value = text(name, str(default))
    if not (value.isascii() and value.isdigit()) or not least <= int(value[:20]) <= most:
        raise ImproperlyConfigured(
            f"{name} is {value!r}; it must be a whole number from {least} to {most}."
        )
    return int(value)


def words(name: str, default: tuple[str, ...] = ()) -> list[str]:
    """Return what is separated by commas."""
    found = [word.strip() for word in text(name).split(",")]
    return [word for word in found if word] or list(default)


def hosts(name: str, default: tuple[str, ...]) -> list[str]:
    """Return names of hosts, each without a scheme and a port."""
    found = words(name, default)
    if wrong := [host for host in found if not HOST.fullmatch(host)]:
        raise ImproperlyConfigured(
            f"{name}: {wrong[0]!r} is no name of a host; leave scheme, port and path out."
        )
    return found


def site(name: str) -> str:
    """Return the address of a site, without a slash at its end, or nothing."""
    value = text(name).rstrip("/")
    if value and not SITE.fullmatch(value):
        raise ImproperlyConfigured(f"{name} is {value!r}; it must be like https://panel.example.")
    return value


def networks(name: str, default: tuple[str, ...]) -> tuple[Network, ...]:
    try:
        return tuple(map(ipaddress.ip_network, words(name, default)))
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}: {error}.") from error


def url(name: str, schemes: tuple[str, ...]) -> str:
    """Return a URL with one of `schemes`, or nothing; it may hold a password."""
    value = secret(name)
    if value and urlsplit(value).scheme not in schemes:
        raise ImproperlyConfigured(f"{name} must begin with one of {'://, '.join(schemes)}://.")
    return value


def certificate(name: str) -> bytes:
    """Return the first certificate of a PEM file, or nothing."""
    path = text(name)
    if not path:
        return b""
    try:
        pem = Path(path).read_bytes()
        x509.load_pem_x509_certificate(pem)
    except (OSError, ValueError) as error:
        raise ImproperlyConfigured(f"{name}: {path} holds no certificate: {error}.") from error
    return pem


def database(name: str, default: str) -> dict[str, Any]:
    """Return Django's dictionary for `sqlite:///PATH` or `postgres://…`."""
    value = secret(name) or default
    try:
        found = environ.Env.db_url_config(value)
    except (ValueError, KeyError, ImproperlyConfigured) as error:
        raise ImproperlyConfigured(f"{name} cannot be read: {type(error).__name__}.") from error
    is_file = str(found.get("ENGINE")).endswith("sqlite3") and found["NAME"] != ":memory:"
    if not is_file and not str(found.get("ENGINE")).endswith("postgresql"):
        raise ImproperlyConfigured(f"{name}: only sqlite:///PATH and postgres://… are supported.")
    return found
