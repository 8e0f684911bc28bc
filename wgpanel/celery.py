"""The Celery application. Celery is a wake-up call only: the database holds the work."""

import os
from typing import Any

from celery import Celery
from celery.signals import beat_init, worker_init, worker_ready

from wgpanel import checks, readiness

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wgpanel.settings")

app = Celery("wgpanel")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_init.connect
@beat_init.connect
def refuse_unsafe(**_: Any) -> None:
    checks.refuse_unsafe()


@worker_ready.connect
@beat_init.connect
def tell_service_manager(**_: Any) -> None:
    readiness.ready()
