"""Celery beat's scheduler, with a heartbeat of its own so that a dead beat is noticed."""

import time

from django.db import DatabaseError
from django_celery_beat.schedulers import DatabaseScheduler, logger

from schedule.models import Heartbeat

HEARTBEAT = "beat"
SECONDS_BETWEEN_BEATS = 5


class BeatingScheduler(DatabaseScheduler):
    """The database scheduler of django-celery-beat that also says when it last ticked."""

    _beaten_at = 0.0

    def tick(self, *args: object, **kwargs: object) -> float:
        if time.monotonic() - self._beaten_at >= SECONDS_BETWEEN_BEATS:
            self._beat()
        return super().tick(*args, **kwargs)

    def _beat(self) -> None:
        try:
            Heartbeat.beat(HEARTBEAT)
            self._beaten_at = time.monotonic()
        except DatabaseError as error:
            logger.warning("beat cannot note its heartbeat: %s", error)
