"""Misconfiguration as system checks: each names what is wrong and the way out.

`manage.py` stops on an error by itself; the other ways to start a process call `refuse_unsafe`.
"""

import ipaddress
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import Error, Tags, register, run_checks

LOOPBACK = {"localhost", "127.0.0.1", "[::1]", ".localhost"}
LEAST_TOKEN = 16  # characters


@register(Tags.security)
def no_debug_beyond_loopback(**_: Any) -> list[Error]:
    """DEBUG shows settings and source to whoever can reach the panel."""
    if not settings.DEBUG or _only_loopback():
        return []
    return [
        Error(
            "WGPANEL_DEBUG is on while the panel answers to more than loopback.",
            hint="Turn WGPANEL_DEBUG off, or leave only localhost in WGPANEL_ALLOWED_HOSTS.",
            id="wgpanel.E001",
        )
    ]


@register(Tags.security)
def hosts_are_named(**_: Any) -> list[Error]:
    """A wildcard lets any name reach the panel (DNS rebinding, poisoned links)."""
    if "*" not in settings.ALLOWED_HOSTS:
        return []
    return [
        Error(
            "WGPANEL_ALLOWED_HOSTS is '*'.",
            hint="Name the hosts under which the panel is reached.",
            id="wgpanel.E002",
        )
    ]


@register(Tags.security)
def field_key_is_its_own(**_: Any) -> list[Error]:
    """A leaked session key must not open the secrets in the database."""
    if settings.SECRET_KEY not in settings.WGPANEL_FIELD_KEYS:
        return []
    return [
        Error(
            "WGPANEL_FIELD_KEY equals WGPANEL_SECRET_KEY.",
            hint="Make a separate key: `python -m wgpanel.secret_files DIR` writes both.",
            id="wgpanel.E003",
        )
    ]


@register(Tags.security)
def passwords_are_not_sent_in_clear(**_: Any) -> list[Error]:
    """Without TLS whoever is on the way reads passwords, sessions, tokens and agents' secrets."""
    if settings.HTTPS or _only_loopback():
        return []
    return [
        Error(
            "The panel answers to more than loopback without HTTPS.",
            hint="Put it behind a proxy that speaks TLS and set WGPANEL_HTTPS=1, or leave only "
            "localhost in WGPANEL_ALLOWED_HOSTS.",
            id="wgpanel.E004",
        )
    ]


@register(Tags.security)
def broker_has_a_password(**_: Any) -> list[Error]:
    """Whoever can write to the broker makes the workers run tasks."""
    url = urlsplit(settings.REDIS_URL)
    if not url.hostname or url.password or _is_loopback(url.hostname):
        return []
    return [
        Error(
            "REDIS_URL names another host without a password.",
            hint="Give Redis a password (requirepass or an ACL): redis://:PASSWORD@HOST:PORT/0",
            id="wgpanel.E005",
        )
    ]


@register(Tags.security)
def metrics_token_is_long(**_: Any) -> list[Error]:
    """A short token is guessed."""
    if not settings.METRICS_TOKEN or len(settings.METRICS_TOKEN) >= LEAST_TOKEN:
        return []
    return [
        Error(
            f"WGPANEL_METRICS_TOKEN is shorter than {LEAST_TOKEN} characters.",
            hint="Make one by `openssl rand -hex 32`.",
            id="wgpanel.E006",
        )
    ]


def refuse_unsafe() -> None:
    """End the process, one line a fault, where the configuration is dangerous."""
    found = run_checks(tags=[Tags.security])
    if lines := [f"wgpanel: {it.msg} {it.hint}" for it in found if it.is_serious()]:
        raise SystemExit("\n".join(lines))


def fault_of_bind(bind: str) -> str:
    """Say what is dangerous about listening on `bind`, or nothing."""
    host = bind.rpartition(":")[0].strip("[]")
    if settings.HTTPS or bind.startswith(("unix:", "fd:")) or _is_loopback(host):
        return ""
    return (
        f"--bind {bind} is reached from other hosts, and the panel has no HTTPS: put it behind a "
        "proxy that speaks TLS and set WGPANEL_HTTPS=1, or bind to 127.0.0.1."
    )


def _only_loopback() -> bool:
    return set(settings.ALLOWED_HOSTS) <= LOOPBACK


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
