"""Beat's row for pushing. Operators may change it in the admin; nothing writes it again."""

from django.db import migrations
from django.utils import timezone

SWEEP = "Push what is desired to the nodes"


def create(apps, schema_editor):
    IntervalSchedule = apps.get_model("django_celery_beat", "IntervalSchedule")
    PeriodicTask = apps.get_model("django_celery_beat", "PeriodicTask")
    every, _ = IntervalSchedule.objects.get_or_create(every=5, period="seconds")
    PeriodicTask.objects.get_or_create(
        name=SWEEP,
        defaults={
            "task": "reconcile.tasks.sweep",
            "interval": every,
            "queue": "sync",
            "expire_seconds": 10,
            "description": (
                "Every 5 seconds: finds interfaces whose node has not confirmed what is desired, "
                "and reads what nodes report of theirs. Edits are pushed at once anyway; this is "
                "for those whose wake-up was lost, and for nodes that were away."
            ),
        },
    )
    _tell_beat(apps)


def remove(apps, schema_editor):
    PeriodicTask = apps.get_model("django_celery_beat", "PeriodicTask")
    PeriodicTask.objects.filter(name=SWEEP).delete()
    _tell_beat(apps)


def _tell_beat(apps):
    """A beat that is running reads its rows again when this time changes."""
    PeriodicTasks = apps.get_model("django_celery_beat", "PeriodicTasks")
    PeriodicTasks.objects.update_or_create(ident=1, defaults={"last_update": timezone.now()})


class Migration(migrations.Migration):
    dependencies = [
        ("reconcile", "0001_initial"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
    ]

    operations = [migrations.RunPython(create, remove)]
