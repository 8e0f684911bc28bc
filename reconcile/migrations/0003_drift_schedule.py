"""Beat's rows for drift. Operators may change them in the admin; nothing writes them again."""

from django.db import migrations
from django.utils import timezone

CHECK = "Check interfaces for drift"
PRUNE = "Forget old drift"


def create(apps, schema_editor):
    IntervalSchedule = apps.get_model("django_celery_beat", "IntervalSchedule")
    PeriodicTask = apps.get_model("django_celery_beat", "PeriodicTask")
    minute, _ = IntervalSchedule.objects.get_or_create(every=1, period="minutes")
    PeriodicTask.objects.get_or_create(
        name=CHECK,
        defaults={
            "task": "reconcile.tasks.check_due",
            "interval": minute,
            "queue": "sync",
            "expire_seconds": 60,
            "description": (
                "Every minute: compares interfaces that were last checked 15 minutes ago, or whose "
                "node reports a difference, with what is desired of them."
            ),
        },
    )
    day, _ = IntervalSchedule.objects.get_or_create(every=1, period="days")
    PeriodicTask.objects.get_or_create(
        name=PRUNE,
        defaults={
            "task": "reconcile.tasks.prune",
            "interval": day,
            "queue": "sync",
            "expire_seconds": 3600,
            "description": "Once a day: removes findings of drift that are 90 days old.",
        },
    )
    _tell_beat(apps)


def remove(apps, schema_editor):
    PeriodicTask = apps.get_model("django_celery_beat", "PeriodicTask")
    PeriodicTask.objects.filter(name__in=[CHECK, PRUNE]).delete()
    _tell_beat(apps)


def _tell_beat(apps):
    """A beat that is running reads its rows again when this time changes."""
    PeriodicTasks = apps.get_model("django_celery_beat", "PeriodicTasks")
    PeriodicTasks.objects.update_or_create(ident=1, defaults={"last_update": timezone.now()})


class Migration(migrations.Migration):
    dependencies = [
        ("reconcile", "0002_sweeping_schedule"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
    ]

    operations = [migrations.RunPython(create, remove)]
