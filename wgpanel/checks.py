"""Misconfiguration as system checks: each names what is wrong and the way out."""

from typing import Any

from django.conf import settings
from django.core.checks import Error, Tags, register

LOOPBACK = {"localhost", "127.0.0.1", "[::1]", ".localhost"}


@register(Tags.security)
def no_debug_beyond_loopback(**_: Any) -> list[Error]:
    """DEBUG shows settings and source to whoever can reach the panel."""
    if not settings.DEBUG or set(settings.ALLOWED_HOSTS) <= LOOPBACK:
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
