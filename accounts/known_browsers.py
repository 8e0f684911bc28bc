"""Browsers in which somebody has signed in before, by a cookie that the panel has signed.

Whoever guesses at a name from everywhere uses up its tries, and would keep its owner out for as
long as he goes on. In a browser of the owner those tries do not count (OWASP calls it a device
cookie); what was tried from the same address does. The cookie opens nothing.
"""

import datetime as dt

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.core import signing
from django.http import HttpRequest, HttpResponse

SALT = "accounts.known_browsers"
LIFETIME = dt.timedelta(days=90)


def remember(response: HttpResponse, user: AbstractBaseUser) -> None:
    """Let the browser that gets this answer be known as one of `user`."""
    response.set_cookie(
        settings.KNOWN_BROWSER_COOKIE_NAME, signing.dumps(user.get_username(), salt=SALT),
        max_age=LIFETIME, secure=settings.HTTPS, httponly=True, samesite="Strict",
    )  # fmt: skip


def is_known(request: HttpRequest, name: str | None) -> bool:
    """Whether somebody signed in as `name` in this browser within 90 days."""
    cookie = request.COOKIES.get(settings.KNOWN_BROWSER_COOKIE_NAME, "")
    try:
        return name == signing.loads(cookie, salt=SALT, max_age=LIFETIME)
    except signing.BadSignature:
        return False
