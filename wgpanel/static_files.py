"""The collected static files: in the state directory, or in the image."""

import os
from pathlib import Path

from django.conf import settings
from django.core.management import call_command


def manifest() -> Path:
    return Path(settings.STATIC_ROOT) / "staticfiles.json"


def collect() -> None:
    """Bring them up to date, unless they are part of an image that cannot be written."""
    if manifest().exists() and not os.access(settings.STATIC_ROOT, os.W_OK):
        return
    call_command("collectstatic", interactive=False, verbosity=0)


def collect_missing() -> None:
    """Collect them where nobody has yet."""
    if not manifest().exists():
        collect()
