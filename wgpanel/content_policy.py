"""What a page may load and run: Content-Security-Policy (W3C CSP Level 3)."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

HEADER = "Content-Security-Policy"
# Unfold's Alpine evaluates attributes ('unsafe-eval') and sets styles; no page has a script in it
ADMIN = (
    "default-src 'none'; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
# pages for people without an account: nothing but our own files
PUBLIC = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
PUBLIC_PAGES = ("share", "setup")
OTHER = "default-src 'none'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"


class ContentPolicyMiddleware:
    """Gives each answer the policy of its place, unless its view has set one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault(HEADER, _policy(request))
        return response


def _policy(request: HttpRequest) -> str:
    if request.path.startswith(reverse("admin:index")):
        return ADMIN
    match = request.resolver_match
    return PUBLIC if match and match.url_name in PUBLIC_PAGES else OTHER
