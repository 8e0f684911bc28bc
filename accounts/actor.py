"""Who is behind an act, as a request or a command knows it."""

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

# Permissions keep an AnonymousUser out; None is the panel itself or its command line.
Actor = AbstractBaseUser | AnonymousUser | None
