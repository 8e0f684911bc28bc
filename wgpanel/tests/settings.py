"""The panel's settings, with secrets and a state directory made for one test run."""

import atexit
import os
import secrets
import shutil
import tempfile
from base64 import b64encode
from pathlib import Path

os.environ.setdefault("WGPANEL_SECRET_KEY", secrets.token_urlsafe(48))
os.environ.setdefault("WGPANEL_FIELD_KEY", b64encode(os.urandom(32)).decode())
if "WGPANEL_STATE_DIR" not in os.environ:
    os.environ["WGPANEL_STATE_DIR"] = tempfile.mkdtemp(prefix="wgpanel-test-")
    atexit.register(shutil.rmtree, os.environ["WGPANEL_STATE_DIR"], ignore_errors=True)
os.environ.setdefault("WGPANEL_PLAIN_HTTP_NETWORKS", "127.0.0.0/8,::1/128,198.18.0.0/15")

from wgpanel.settings import *  # noqa: E402, F403

if DATABASES["default"]["ENGINE"].endswith("sqlite3"):  # noqa: F405
    # A file as in production: in memory SQLite knows neither WAL nor waiting for a lock.
    DATABASES["default"]["TEST"] = {"NAME": str(STATE_DIR / "test.sqlite3")}  # noqa: F405
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"  # noqa: F405
CELERY_TASK_ALWAYS_EAGER = False
Path(STATIC_ROOT).mkdir(parents=True, exist_ok=True)  # noqa: F405
