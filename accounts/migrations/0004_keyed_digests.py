from django.db import migrations

from keyring.digests import digest


def key_digests(apps, schema_editor):
    """Key the SHA-512 that is stored; one that is keyed already has half the length."""
    tokens = apps.get_model("accounts", "ApiToken").objects.using(schema_editor.connection.alias)
    plain = [row for row in tokens.only("digest") if len(row.digest) == 128]
    for row in plain:
        tokens.filter(pk=row.pk).update(digest=digest("api token", row.digest))


def end_setup_links(apps, schema_editor):
    """They live for an hour, and the panel prints a new one when it starts."""
    links = apps.get_model("accounts", "SetupLink").objects
    links.using(schema_editor.connection.alias).all().delete()


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_setup_links")]
    operations = [
        migrations.RunPython(key_digests, migrations.RunPython.noop),
        migrations.RunPython(end_setup_links, migrations.RunPython.noop),
    ]
