"""What is told of a fault, on Django's own page and in reports: where it was, and no value.

Any local variable may hold a secret, and so may anything that was sent. Django hides what is
marked, and with DEBUG nothing at all; DEBUG is a reason to show faults, and none to show secrets.
"""

import re
from collections.abc import ItemsView
from types import FrameType
from typing import Any

from django.http import HttpRequest
from django.views.debug import SafeExceptionReporterFilter


class NoValues(SafeExceptionReporterFilter):
    # addresses of the database and of the broker hold their passwords
    hidden_settings = re.compile(
        f"{SafeExceptionReporterFilter.hidden_settings.pattern}|_URL|COOKIE", re.IGNORECASE
    )

    def is_active(self, request: HttpRequest | None) -> bool:
        return True

    def get_post_parameters(self, request: HttpRequest | None) -> dict[str, Any]:
        return dict.fromkeys(getattr(request, "POST", ()), self.cleansed_substitute)

    def get_traceback_frame_variables(
        self, request: HttpRequest, tb_frame: FrameType
    ) -> ItemsView[str, Any]:
        return {name: type(value) for name, value in tb_frame.f_locals.items()}.items()
