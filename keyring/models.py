"""What is known of the field keys; never a key itself."""

from django.db import models


class KeyBackup(models.Model):
    """Somebody has said that the field key with this id is kept elsewhere, too."""

    key_id = models.CharField(max_length=8, primary_key=True)
    confirmed_at = models.DateTimeField(auto_now_add=True)
    confirmed_by = models.CharField(max_length=150)

    def __str__(self) -> str:
        return f"{self.key_id}, confirmed by {self.confirmed_by}"
