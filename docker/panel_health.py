"""Is the role of this container alive? `panel_health.py web|worker|beat`, for HEALTHCHECK.

Ends with 0 if so, else with 1 and the reason in one line.
"""

import http.client
import os
import socket
import sys
from collections.abc import Callable

PORT = 8000
PATIENCE = 5.0  # seconds


def web() -> str | None:
    """The host must be one that the panel answers to; who speaks for it is on loopback."""
    host = os.environ.get("WGPANEL_ALLOWED_HOSTS", "localhost").split(",")[0].strip()
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=PATIENCE)
    try:
        connection.request("GET", "/healthz", headers={"Host": host})
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"web does not answer: {error}"
    finally:
        connection.close()
    return None if status == http.client.OK else f"web answers {status}"


def worker() -> str | None:
    """By way of the broker, which it needs as well."""
    from kombu.exceptions import OperationalError

    from wgpanel.celery import app

    name = f"worker@{socket.gethostname()}"
    try:
        answers = app.control.ping(destination=[name], timeout=PATIENCE)
    except (OSError, OperationalError) as error:
        return f"the broker does not answer: {error}"
    return None if answers else f"{name} does not answer"


def beat() -> str | None:
    import django
    from django.db import DatabaseError

    django.setup()
    from schedule.models import SILENCE, Heartbeat
    from schedule.scheduler import HEARTBEAT

    try:
        age = Heartbeat.age(HEARTBEAT)
    except DatabaseError:
        return "the database does not answer"
    if age is None:
        return "beat has never run"
    return None if age < SILENCE else f"beat last ran {age.total_seconds():.0f} s ago"


ROLES: dict[str, Callable[[], str | None]] = {"web": web, "worker": worker, "beat": beat}


if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wgpanel.settings")
    sys.exit(ROLES[sys.argv[1]]())
