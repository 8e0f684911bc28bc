"""Beat's rows for polling. Operators may change them in the admin; nothing writes them again."""

from django.db import migrations
from django.utils import timezone

POLL = "Poll the nodes that are due"
PRUNE = "Forget old fleet alarms"


def create(apps, schema_editor):
    IntervalSchedule = apps.get_model("django_celery_beat", "IntervalSchedule")
    PeriodicTask = apps.get_model("django_celery_beat", "PeriodicTask")
    second, _ = IntervalSchedule.objects.get_or_create(every=1, period="seconds")
    PeriodicTask.objects.get_or_create(
        name=POLL,
        defaults={
            "task": "nodes.tasks.poll_due",
            "interval": second,
            "queue": "poll",
            "expire_seconds": 5,
            "description": (
                "The tick of polling: once a second the nodes whose time has come are asked for "
                "their status. How often each node is asked is set in the polling policy, not "
                "here. While this is disabled no node is polled and all become stale."
            ),
        },
    )
    day, _ = IntervalSchedule.objects.get_or_create(every=1, period="days")
    PeriodicTask.objects.get_or_create(
        name=PRUNE,
        defaults={
            "task": "nodes.tasks.prune",
            "interval": day,
            "queue": "poll",
            "expire_seconds": 3600,
            "description": "Once a day: removes fleet alarms that were closed 90 days ago.",
        },
    )
    _tell_beat(apps)


def remove(apps, schema_editor):
    PeriodicTask = apps.get_model("django_celery_beat", "PeriodicTask")
    PeriodicTask.objects.filter(name__in=[POLL, PRUNE]).delete()
    _tell_beat(apps)


def _tell_beat(apps):
    """A beat that is running reads its rows again when this time changes."""
    PeriodicTasks = apps.get_model("django_celery_beat", "PeriodicTasks")
    PeriodicTasks.objects.update_or_create(ident=1, defaults={"last_update": timezone.now()})


class Migration(migrations.Migration):
    dependencies = [
        ("nodes", "0002_poll_count"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
    ]

    operations = [migrations.RunPython(create, remove)]
