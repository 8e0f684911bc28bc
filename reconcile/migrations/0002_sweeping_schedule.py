"""Beat's row for pushing."""

from django.db import migrations

from schedule.rows import BEAT, Every, creation_of

SWEEP = Every(
    "Push what is desired to the nodes", "reconcile.tasks.sweep", "sync", 10,
    "Every 5 seconds: finds interfaces whose node has not confirmed what is desired, and reads "
    "what nodes report of theirs. Edits are pushed at once anyway; this is for those whose "
    "wake-up was lost, and for nodes that were away.", number=5,
)  # fmt: skip


class Migration(migrations.Migration):
    dependencies = [("reconcile", "0001_initial"), BEAT]

    operations = [creation_of(SWEEP)]
