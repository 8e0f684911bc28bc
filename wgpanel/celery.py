"""The Celery application. Celery is a wake-up call only: the database holds the work."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wgpanel.settings")

app = Celery("wgpanel")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
