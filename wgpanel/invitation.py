"""Say at the start of a panel without an admin how somebody becomes one."""

from django.conf import settings
from django.db import DatabaseError
from django.urls import reverse

from accounts import setup_links


def text(bind: str) -> str:
    """Return a line with a setup link, or nothing where there is an admin, or no database."""
    try:
        token = setup_links.make()
    except DatabaseError:
        return ""
    if token is None:
        return ""
    place = next(iter(settings.CSRF_TRUSTED_ORIGINS), f"http://{bind}")
    link = f"{place}{reverse('setup', args=[token])}"
    return f"This panel has no admin yet. Become it within an hour, once: {link}"
