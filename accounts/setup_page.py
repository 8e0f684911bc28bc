"""The page behind the setup link: opening it spends nothing, its form makes the first admin."""

from django.contrib.auth import login
from django.contrib.auth.forms import BaseUserCreationForm
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables

from accounts import setup_links

BACKEND = "django.contrib.auth.backends.ModelBackend"


class AdminForm(BaseUserCreationForm):
    class Meta(BaseUserCreationForm.Meta):
        model = User
        fields = ("username",)
        help_texts = {"username": ""}


@never_cache
@sensitive_post_parameters()
@sensitive_variables()
def setup(request: HttpRequest, token: str) -> HttpResponse:
    if not setup_links.is_good(token):
        return _page(request, None, status=404)
    form = AdminForm(request.POST or None)
    if not form.is_valid():
        return _page(request, form)
    user = form.save(commit=False)
    try:
        setup_links.spend(token, user)
    except setup_links.LinkEnded:
        return _page(request, None, status=404)
    login(request, user, backend=BACKEND)
    return HttpResponseRedirect(reverse("admin:index"))


def _page(request: HttpRequest, form: AdminForm | None, status: int = 200) -> HttpResponse:
    answer = render(request, "accounts/setup.html", {"form": form}, status=status)
    # the token is in the address; with `no-referrer` browsers would send the form without an origin
    answer["Referrer-Policy"] = "strict-origin"
    return answer
