"""Beat's rows for polling."""

from django.db import migrations

from schedule.rows import BEAT, Every, creation_of

POLL = Every(
    "Poll the nodes that are due", "nodes.tasks.poll_due", "poll", 5,
    "The tick of polling: once a second the nodes whose time has come are asked for their status. "
    "How often each node is asked is set in the polling policy, not here. While this is disabled "
    "no node is polled and all become stale.",
)  # fmt: skip
PRUNE = Every(
    "Forget old fleet alarms", "nodes.tasks.prune", "poll", 3600,
    "Once a day: removes fleet alarms that were closed 90 days ago.", unit="days",
)  # fmt: skip


class Migration(migrations.Migration):
    dependencies = [("nodes", "0002_poll_count"), BEAT]

    operations = [creation_of(POLL, PRUNE)]
