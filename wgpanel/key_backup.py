"""Remind superusers, until somebody says that the field key is backed up."""

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.stepping_up import asked_first
from keyring import backups
from keyring.sealing import current_key_id
from nodes.banners import Banner
from wgpanel import secret_files

FIELD_KEY = "WGPANEL_FIELD_KEY"
COMPARE = "base64 -d COPY | sha256sum | head -c 8"


def whereabouts() -> str:
    return secret_files.whereabouts(FIELD_KEY, settings.STATE_DIR)


def reminders(user: AbstractBaseUser | AnonymousUser) -> list[Banner]:
    """Return what the dashboard tells this user. Costs a superuser one query."""
    if not getattr(user, "is_superuser", False) or backups.is_confirmed():
        return []
    text = "Without it, every secret in the database is lost with this host."
    link = reverse("key-backup")
    return [Banner("Nobody has confirmed a backup of the field key.", text, link=link)]


@require_http_methods(["GET", "POST"])
def key_backup(request: HttpRequest) -> HttpResponse:
    """The page that says where the key lies, with the button that ends the reminder."""
    if not request.user.is_superuser:
        raise PermissionDenied
    if request.method == "POST":
        return asked_first(request) or _confirm(request)
    context = {
        **admin.site.each_context(request),
        "title": "Backup of the field key",
        "key_id": current_key_id(),
        "whereabouts": whereabouts(),
        "compare": COMPARE,
        "is_confirmed": backups.is_confirmed(),
    }
    return TemplateResponse(request, "wgpanel/key_backup.html", context)


def _confirm(request: HttpRequest) -> HttpResponse:
    """Confirm the key that was on the page: it may have been replaced since."""
    if request.POST.get("key_id") == current_key_id():
        backups.confirm(request.user.get_username())
    return HttpResponseRedirect(reverse("key-backup"))
