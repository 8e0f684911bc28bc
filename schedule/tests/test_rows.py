"""The rows of beat: created once, an operator's from then on."""

import pytest
from django.apps import apps
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone
from django_celery_beat.models import PeriodicTask, PeriodicTasks

from schedule.rows import Every, Nightly, creation_of
from wgpanel.celery import app

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_no_rows")]

SWEEP = Every("Sweep", "house.tasks.sweep", "maint", 10, "Sweeps.", number=5)
LOCK_UP = Nightly("Lock up", "house.tasks.lock_up", "maint", 3600, "Locks up.", hour=23, minute=5)
CREATION = creation_of(SWEEP, LOCK_UP)


@pytest.fixture
def _no_rows():
    PeriodicTask.objects.all().delete()


def row(name):
    return PeriodicTask.objects.get(name=name)


def test_a_row_is_as_it_was_written():
    CREATION.code(apps, None)
    sweep = row("Sweep")
    assert (sweep.task, str(sweep.interval), sweep.queue) == (
        SWEEP.task,
        "every 5 seconds",
        "maint",
    )
    assert (sweep.enabled, sweep.expire_seconds, sweep.description) == (True, 10, "Sweeps.")


def test_a_nightly_one_has_its_hour_in_utc():
    CREATION.code(apps, None)
    at = row("Lock up").crontab
    assert (at.hour, at.minute, at.day_of_week, str(at.timezone)) == ("23", "5", "*", "UTC")


def test_what_an_operator_changed_stays():
    CREATION.code(apps, None)
    PeriodicTask.objects.filter(name="Sweep").update(enabled=False)
    CREATION.code(apps, None)
    assert not row("Sweep").enabled


def test_they_go_when_the_migration_is_taken_back_and_others_stay():
    creation_of(SWEEP).code(apps, None)
    creation_of(LOCK_UP).code(apps, None)
    creation_of(SWEEP).reverse_code(apps, None)
    assert [one.name for one in PeriodicTask.objects.all()] == ["Lock up"]


def test_a_beat_that_runs_is_told():
    long_ago = timezone.now().replace(year=2000)
    PeriodicTasks.objects.update_or_create(ident=1, defaults={"last_update": long_ago})
    CREATION.code(apps, None)
    assert PeriodicTasks.objects.get(ident=1).last_update > long_ago


def test_every_row_of_every_migration_names_a_task_that_exists():
    for migration in MigrationLoader(None, load=True).disk_migrations.values():
        for operation in migration.operations:
            if operation.__class__.__name__ == "RunPython" and "schedule" in migration.name:
                operation.code(apps, None)
    app.loader.import_default_modules()
    tasks = {one.task for one in PeriodicTask.objects.all()}
    assert len(tasks) >= 8
    assert tasks <= set(app.tasks)
