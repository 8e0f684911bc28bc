"""Beat's row for the rotation of keys."""

from django.db import migrations

from schedule.rows import BEAT, Every, creation_of

ROTATE = Every(
    "Rotate the keys of nodes", "nodes.tasks.rotate_keys", "poll", 30,
    "Once a minute: begins where a key is older than WGPANEL_KEY_DAYS, and goes on with rotations "
    "that are under way. While this is disabled, keys that wait for a step wait on.",
    unit="minutes",
)  # fmt: skip


class Migration(migrations.Migration):
    dependencies = [("nodes", "0008_key_rotation"), BEAT]

    operations = [creation_of(ROTATE)]
