"""Beat's rows, created by the migration of whoever's work they wake.

Operators may change them in the admin; nothing writes them again.
"""

from dataclasses import dataclass
from typing import Any, Literal

from django.apps.registry import Apps
from django.db.migrations import RunPython
from django.utils import timezone

# What a migration that creates rows depends on
BEAT = ("django_celery_beat", "0019_alter_periodictasks_options")


@dataclass(frozen=True)
class Row:
    """One periodic task; its message is worthless after `expire_seconds`."""

    name: str
    task: str
    queue: str
    expire_seconds: int
    description: str

    def timing(self, apps: Apps) -> dict[str, Any]:
        """Return the column that says when, and its value."""
        raise NotImplementedError


@dataclass(frozen=True)
class Every(Row):
    """Each so many seconds, minutes or days."""

    number: int = 1
    unit: Literal["seconds", "minutes", "days"] = "seconds"

    def timing(self, apps: Apps) -> dict[str, Any]:
        intervals = apps.get_model("django_celery_beat", "IntervalSchedule").objects
        return {"interval": intervals.get_or_create(every=self.number, period=self.unit)[0]}


@dataclass(frozen=True)
class Nightly(Row):
    """Once a night, at this time in UTC."""

    hour: int = 3
    minute: int = 30

    def timing(self, apps: Apps) -> dict[str, Any]:
        crontabs = apps.get_model("django_celery_beat", "CrontabSchedule").objects
        at = {"minute": str(self.minute), "hour": str(self.hour), "timezone": "UTC"}
        any_day = dict.fromkeys(("day_of_week", "day_of_month", "month_of_year"), "*")
        return {"crontab": crontabs.get_or_create(**at, **any_day)[0]}


def creation_of(*rows: Row) -> RunPython:
    """Return the operation of a migration that creates these rows, and removes them backwards."""

    def create(apps: Apps, schema_editor: object) -> None:
        tasks = apps.get_model("django_celery_beat", "PeriodicTask").objects
        for row in rows:
            tasks.get_or_create(name=row.name, defaults=_columns(row) | row.timing(apps))
        _tell_beat(apps)

    def remove(apps: Apps, schema_editor: object) -> None:
        tasks = apps.get_model("django_celery_beat", "PeriodicTask").objects
        tasks.filter(name__in=[row.name for row in rows]).delete()
        _tell_beat(apps)

    return RunPython(create, remove)


def _columns(row: Row) -> dict[str, Any]:
    return {
        "task": row.task,
        "queue": row.queue,
        "expire_seconds": row.expire_seconds,
        "description": row.description,
    }


def _tell_beat(apps: Apps) -> None:
    """A beat that is running reads its rows again when this time changes."""
    changes = apps.get_model("django_celery_beat", "PeriodicTasks").objects
    changes.update_or_create(ident=1, defaults={"last_update": timezone.now()})
