"""Ask for the password again before what a stolen session must not do."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib.auth import authenticate
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables

from accounts.sessions import is_fresh, prove

View = Callable[..., Any]
FIELD = "password"
NOT_SENT_AGAIN = (FIELD, "csrfmiddlewaretoken")


class PasswordForm(forms.Form):
    password = forms.CharField(
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password", "autofocus": True})
    )


def needs_password(view: View) -> View:
    """Let a page of an admin class be opened and sent only soon after the password was typed."""

    @wraps(view)
    def guarded(self: Any, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if is_fresh(request):
            return view(self, request, *args, **kwargs)
        asked = urlencode({"next": request.get_full_path()})
        return HttpResponseRedirect(f"{reverse('confirm-password')}?{asked}")

    return guarded


def needs_password_to_act(view: View) -> View:
    """Let everybody look at a page of an admin class, and ask for the password when it is sent."""

    @wraps(view)
    def guarded(self: Any, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        asked = asked_first(request) if request.method == "POST" else None
        return asked or view(self, request, *args, **kwargs)

    return guarded


@sensitive_post_parameters(FIELD)
def asked_first(request: HttpRequest) -> HttpResponse | None:
    """Return the page that asks for the password, or None where it was typed just now.

    The page sends what was sent once more, so that whoever knows the password does nothing twice.
    """
    if is_fresh(request):
        return None
    form = PasswordForm(request.POST if FIELD in request.POST else None)
    if not _is_right(request, form):
        return _page(request, form, _sent(request))
    # what comes next has no use for the password, and its error page no place
    request.POST = request.POST.copy()  # type: ignore[assignment]
    del request.POST[FIELD]  # type: ignore[misc]
    return None


@sensitive_post_parameters(FIELD)
def confirm(request: HttpRequest) -> HttpResponse:
    """The page that asks, and leads on to another."""
    form = PasswordForm(request.POST or None)
    if _is_right(request, form):
        return HttpResponseRedirect(_ours(request, request.GET.get("next", "")))
    return _page(request, form)


@sensitive_variables()
def _is_right(request: HttpRequest, form: PasswordForm) -> bool:
    """Note a right password in the session; a wrong one counts as a failed login."""
    if not form.is_valid():
        return False
    name = request.user.get_username()
    if authenticate(request, username=name, password=form.cleaned_data[FIELD]) is None:
        form.add_error(FIELD, "That is not your password.")
        return False
    prove(request)
    return True


def _sent(request: HttpRequest) -> list[tuple[str, str]]:
    """What the page has to send once more."""
    fields = ((name, values) for name, values in request.POST.lists() if name not in NOT_SENT_AGAIN)
    return [(name, str(value)) for name, values in fields for value in values]


def _page(
    request: HttpRequest, form: PasswordForm, sent: list[tuple[str, str]] | None = None
) -> HttpResponse:
    came_from = _ours(request, request.headers.get("Referer", ""))
    context = {"form": form, "sent": sent or [], "came_from": came_from}
    return render(request, "accounts/confirm.html", context)


def _ours(request: HttpRequest, url: str) -> str:
    """Return `url` if it leads into this panel, else the first page."""
    is_ours = url_has_allowed_host_and_scheme(
        url, {request.get_host()}, require_https=request.is_secure()
    )
    return url if is_ours else reverse("admin:index")
