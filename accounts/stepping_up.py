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

View = Callable[..., HttpResponse]


class PasswordForm(forms.Form):
    password = forms.CharField(
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password", "autofocus": True})
    )


def needs_password(view: View) -> View:
    """Let a view of an admin class run only soon after the password was typed."""

    @wraps(view)
    def guarded(self: Any, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if is_fresh(request):
            return view(self, request, *args, **kwargs)
        asked = urlencode({"next": request.get_full_path()})
        return HttpResponseRedirect(f"{reverse('confirm-password')}?{asked}")

    return guarded


@sensitive_post_parameters("password")
@sensitive_variables()
def confirm(request: HttpRequest) -> HttpResponse:
    """The page that asks; wrong passwords count as failed logins."""
    form = PasswordForm(request.POST or None)
    if form.is_valid():
        name = request.user.get_username()
        if authenticate(request, username=name, password=form.cleaned_data["password"]):
            prove(request)
            return HttpResponseRedirect(_next(request))
        form.add_error("password", "That is not your password.")
    return render(request, "accounts/confirm.html", {"form": form})


def _next(request: HttpRequest) -> str:
    asked = request.GET.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(
        asked, {request.get_host()}, require_https=request.is_secure()
    )
    return asked if is_ours else reverse("admin:index")
