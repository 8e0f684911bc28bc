"""Whether the field key in force is known to be backed up. Another key is asked for again."""

from keyring.models import KeyBackup
from keyring.sealing import current_key_id


def is_confirmed() -> bool:
    return KeyBackup.objects.filter(pk=current_key_id()).exists()


def confirm(by: str) -> None:
    """Note who said so; the first one stays."""
    KeyBackup.objects.get_or_create(pk=current_key_id(), defaults={"confirmed_by": by})
