"""The admin's base for whatever remembers who changed it."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from simple_history.admin import SimpleHistoryAdmin

from accounts.list_rows import ListRows


class HistoryAdmin(SimpleHistoryAdmin, ListRows):
    """A model's pages with its history. The past is read there, never brought back."""

    warn_unsaved_form = True

    def revert_disabled(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def history_form_view(
        self, request: HttpRequest, object_id: str, version_id: str, extra_context: Any = None
    ) -> HttpResponse:
        """Show one version. Saving it would also bring back what the history leaves out."""
        if request.method not in ("GET", "HEAD"):
            raise PermissionDenied
        return super().history_form_view(request, object_id, version_id, extra_context)
