"""A session ends 8 hours after the login, and earlier when nobody uses it."""

import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth import logout
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest, HttpResponse

from accounts import known_browsers

BEGAN, USED, PROVED = "began_at", "used_at", "proved_at"  # Unix time
LONGEST_SECONDS = settings.SESSION_COOKIE_AGE
IDLE_SECONDS = 30 * 60
NOTED_EVERY_SECONDS = 60
FRESH_SECONDS = 5 * 60


def begin(sender: Any, request: HttpRequest, user: AbstractBaseUser, **_: Any) -> None:
    """Note the login in its session, which Django has just given a new key."""
    request.signed_in = user  # type: ignore[attr-defined]  # for the middleware below
    request.session.update(dict.fromkeys((BEGAN, USED, PROVED), time.time()))


def prove(request: HttpRequest) -> None:
    """Note that the user has just typed the password."""
    request.session[PROVED] = time.time()
    request.session.cycle_key()


def is_fresh(request: HttpRequest) -> bool:
    """Whether the password was typed within the last five minutes."""
    return 0 <= time.time() - request.session.get(PROVED, 0) <= FRESH_SECONDS


class SessionLimitMiddleware:
    """Ends what is over, and notes use; knows the browser again in which somebody signs in."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if settings.SESSION_COOKIE_NAME in request.COOKIES and request.user.is_authenticated:
            _limit(request)
        response = self.get_response(request)
        if user := getattr(request, "signed_in", None):
            known_browsers.remember(response, user)
        return response


def _limit(request: HttpRequest) -> None:
    now, session = time.time(), request.session
    began, used = session.get(BEGAN, 0), session.get(USED, 0)
    if now - began > LONGEST_SECONDS or now - used > IDLE_SECONDS:
        logout(request)
    elif now - used > NOTED_EVERY_SECONDS and _is_by_hand(request):
        session[USED] = now


def _is_by_hand(request: HttpRequest) -> bool:
    """Not what an open page asks for by itself, or nobody would ever be idle."""
    return request.method == "POST" or (
        request.headers.get("Sec-Fetch-Dest", "document") == "document"
    )
