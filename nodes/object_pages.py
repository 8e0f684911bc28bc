"""Pages and acts of one object in the admin, beside those that Django makes."""

from collections.abc import Callable, Mapping
from typing import Any

from django.http import HttpResponseBase
from django.urls import URLPattern, path

GONE = 286  # htmx: take this as the answer, and stop asking


def object_pages(
    admin: Any, views: Mapping[str, Callable[..., HttpResponseBase]]
) -> list[URLPattern]:
    """Return a URL for each view, named APP_MODEL_NAME; whoever calls one is staff."""
    prefix = f"{admin.opts.app_label}_{admin.opts.model_name}"
    return [
        path(f"<uuid:pk>/{name}/", admin.admin_site.admin_view(view), name=f"{prefix}_{name}")
        for name, view in views.items()
    ]
