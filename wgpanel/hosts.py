"""By which names the panel may be called."""

from django.http import HttpRequest, HttpResponsePermanentRedirect
from django.middleware import common

# Probes and Prometheus call each process by its address, and these answers use no name.
BY_ADDRESS = ("/healthz", "/readyz", "/metrics", "/api/v1/prometheus/targets")


class CommonMiddleware(common.CommonMiddleware):
    """Django's own, which answers 400 to a name that is not in ALLOWED_HOSTS."""

    def process_request(self, request: HttpRequest) -> HttpResponsePermanentRedirect | None:
        if request.path_info in BY_ADDRESS:
            return None
        return super().process_request(request)
