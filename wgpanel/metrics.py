"""The panel's own metrics and the fleet's: for this host, or for whoever has the token."""

import ipaddress
from hmac import compare_digest

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden
from django.views.decorators.http import require_safe
from django_prometheus.exports import ExportToDjangoView

from monitoring.fleet_metrics import fleet_metrics

# a proxy on this host is a loopback caller too, and it says for whom it calls
_FORWARDED = ("HTTP_FORWARDED", "HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_HOST", "HTTP_X_REAL_IP")


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer 403 unless the caller has WGPANEL_METRICS_TOKEN or, without one set, is this host."""
    if not _may_read(request):
        return HttpResponseForbidden("Set WGPANEL_METRICS_TOKEN and send it as a bearer token.\n")
    answer = ExportToDjangoView(request)
    answer.content += fleet_metrics.text()
    return answer


def _may_read(request: HttpRequest) -> bool:
    if settings.METRICS_TOKEN:
        sent = request.headers.get("Authorization", "")
        return compare_digest(sent.encode(), f"Bearer {settings.METRICS_TOKEN}".encode())
    request.get_host()  # raises DisallowedHost: a stranger's page in a browser on this host
    return _is_loopback(request.META.get("REMOTE_ADDR", "")) and not any(
        header in request.META for header in _FORWARDED
    )


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
