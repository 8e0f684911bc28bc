"""Beat's rows for peers."""

from django.db import migrations

from schedule.rows import BEAT, Every, Nightly, creation_of

EXPIRE = Every(
    "Take expired peers off", "peers.tasks.expire", "sync", 10,
    "Every 5 seconds: takes peers whose time is over out of what is desired. Their nodes do so by "
    "themselves too, also while the panel is away.", number=5,
)  # fmt: skip
REVIEW = Every(
    "Give rested addresses back to selection", "peers.tasks.review_addresses", "maint", 60,
    "Every 30 seconds: a node that had no address left takes peers again once one has rested.",
    number=30,
)  # fmt: skip
FACTS = Every(
    "Ask nodes about their peers", "peers.tasks.read_facts", "poll", 15,
    "Every 15 seconds: last handshake, endpoint and traffic of each peer, where they changed.",
    number=15,
)  # fmt: skip
RECOUNT = Nightly(
    "Recount peers", "peers.tasks.tidy_up", "maint", 3600,
    "Every night: counts places, addresses and hashes again, as manage.py recount_peers does. It "
    "should find nothing; what it finds is put right and in the log.",
)  # fmt: skip


class Migration(migrations.Migration):
    dependencies = [("peers", "0002_client_fingerprint_and_share_misses"), BEAT]

    operations = [creation_of(EXPIRE, REVIEW, FACTS, RECOUNT)]
