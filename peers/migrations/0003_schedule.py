"""Beat's rows for peers. Operators may change them in the admin; nothing writes them again."""

from django.db import migrations
from django.utils import timezone

EVERY = {
    "Take expired peers off": (
        "peers.tasks.expire", 5, "sync", 10,
        "Every 5 seconds: takes peers whose time is over out of what is desired. Their nodes do so "
        "by themselves too, also while the panel is away.",
    ),
    "Give rested addresses back to selection": (
        "peers.tasks.review_addresses", 30, "maint", 60,
        "Every 30 seconds: a node that had no address left takes peers again once one has rested.",
    ),
    "Ask nodes about their peers": (
        "peers.tasks.read_facts", 15, "poll", 15,
        "Every 15 seconds: last handshake, endpoint and traffic of each peer, where they changed.",
    ),
}  # fmt: skip
NIGHTLY = "Recount peers"


def create(apps, schema_editor):
    IntervalSchedule = apps.get_model("django_celery_beat", "IntervalSchedule")
    CrontabSchedule = apps.get_model("django_celery_beat", "CrontabSchedule")
    PeriodicTask = apps.get_model("django_celery_beat", "PeriodicTask")
    for name, (task, seconds, queue, expires, description) in EVERY.items():
        interval, _ = IntervalSchedule.objects.get_or_create(every=seconds, period="seconds")
        PeriodicTask.objects.get_or_create(
            name=name,
            defaults={
                "task": task,
                "interval": interval,
                "queue": queue,
                "expire_seconds": expires,
                "description": description,
            },
        )
    night, _ = CrontabSchedule.objects.get_or_create(
        minute="30", hour="3", day_of_week="*", day_of_month="*", month_of_year="*", timezone="UTC"
    )
    PeriodicTask.objects.get_or_create(
        name=NIGHTLY,
        defaults={
            "task": "peers.tasks.tidy_up",
            "crontab": night,
            "queue": "maint",
            "expire_seconds": 3600,
            "description": (
                "Every night: counts places, addresses and hashes again, as manage.py "
                "recount_peers does. It should find nothing; what it finds is put right and in "
                "the log."
            ),
        },
    )
    _tell_beat(apps)


def remove(apps, schema_editor):
    PeriodicTask = apps.get_model("django_celery_beat", "PeriodicTask")
    PeriodicTask.objects.filter(name__in=[*EVERY, NIGHTLY]).delete()
    _tell_beat(apps)


def _tell_beat(apps):
    """A beat that is running reads its rows again when this time changes."""
    PeriodicTasks = apps.get_model("django_celery_beat", "PeriodicTasks")
    PeriodicTasks.objects.update_or_create(ident=1, defaults={"last_update": timezone.now()})


class Migration(migrations.Migration):
    dependencies = [
        ("peers", "0002_client_fingerprint_and_share_misses"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
    ]

    operations = [migrations.RunPython(create, remove)]
