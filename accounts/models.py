"""The token by which a program acts for a person, and the link that makes the first admin."""

import hashlib

from django.contrib.auth.models import AbstractBaseUser
from django.db import models
from knox.models import AbstractAuthToken
from knox.settings import CONSTANTS


def password_digest(user: AbstractBaseUser) -> str:
    return hashlib.sha256(user.password.encode()).hexdigest()


class ApiToken(AbstractAuthToken):
    """A token of one user: only its keyed digest is stored, and it ends on a date."""

    # not the primary key, as it is in the base: a key is shown in addresses and logs
    digest = models.CharField(max_length=CONSTANTS.DIGEST_LENGTH, unique=True, editable=False)
    # of the stored hash of the password that was valid then: a token ends with it, as sessions do
    password_digest = models.CharField(max_length=64, blank=True, editable=False)
    name = models.CharField(max_length=64, blank=True, help_text="What uses this token.")

    class Meta:
        verbose_name = "API token"
        ordering = ["-created"]

    def __str__(self) -> str:
        return f"{self.name or 'token'} ({self.token_key}…)"


class SetupLink(models.Model):
    """A link that makes the first admin; only its digest is stored."""

    digest = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"until {self.expires_at:%H:%M}"
