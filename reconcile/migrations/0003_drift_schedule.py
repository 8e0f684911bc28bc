"""Beat's rows for drift."""

from django.db import migrations

from schedule.rows import BEAT, Every, creation_of

CHECK = Every(
    "Check interfaces for drift", "reconcile.tasks.check_due", "sync", 60,
    "Every minute: compares interfaces that were last checked 15 minutes ago, or whose node "
    "reports a difference, with what is desired of them.", unit="minutes",
)  # fmt: skip
PRUNE = Every(
    "Forget old drift", "reconcile.tasks.prune", "sync", 3600,
    "Once a day: removes findings of drift that are 90 days old.", unit="days",
)  # fmt: skip


class Migration(migrations.Migration):
    dependencies = [("reconcile", "0002_sweeping_schedule"), BEAT]

    operations = [creation_of(CHECK, PRUNE)]
