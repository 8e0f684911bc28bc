"""The page behind a share link: opening it spends nothing, its button does."""

import logging
from base64 import b64encode
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables

from accounts.addresses import client_address, client_network
from peers.configuration import qr
from peers.configuration.client_conf import PLACEHOLDER, NoClientConf
from peers.configuration.delivery import ClientFile
from peers.errors import PeerRefused
from peers.sharing import limits as share_limits
from peers.sharing import links as share_links

logger = logging.getLogger(__name__)
# not for caches, other sites and search engines
HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
}
OFFER, TAKEN, ENDED = "peers/share.html", "peers/share_taken.html", "peers/share_ended.html"


# Only the secret of the link gives a right here, and no browser sends that by itself.
@method_decorator(csrf_exempt, name="dispatch")
@method_decorator(sensitive_post_parameters("secret", "pin"), name="dispatch")
class Share(View):
    """One page for every lookup, whether there is such a link or not."""

    http_method_names = ("get", "head", "post", "options")

    def get(self, request: HttpRequest, lookup: str) -> HttpResponse:
        logger.info("share link %s: page opened from %s", lookup, client_address(request))
        return _page(request, OFFER)

    @sensitive_variables()
    def post(self, request: HttpRequest, lookup: str) -> HttpResponse:
        network, now = client_network(request), timezone.now()
        if share_limits.is_stopped(network, now):
            return _stopped(request)
        ask = _ask(request, lookup)
        try:
            file = share_links.take(ask)
        except share_links.LinkGone:
            share_limits.note_miss(network, now)
            return _page(request, ENDED, status=404, why="gone")
        except share_links.PinNeeded as error:
            offered = {"asks_pin": True, "tries_left": error.tries_left, "secret": ask.secret}
            return _page(request, OFFER, status=403, **offered)
        except share_links.KeyNeeded:
            return _page(request, OFFER, status=409, asks_key=True, secret=ask.secret)
        except (PeerRefused, NoClientConf) as error:
            logger.warning("share link %s: no configuration: %s", lookup, error)
            return _page(request, ENDED, status=409, why="unavailable")
        logger.info("share link %s: taken from %s", lookup, client_address(request))
        return _page(request, TAKEN, keeps_key=ask.keeps_key, **_shown(file))


def _ask(request: HttpRequest, lookup: str) -> share_links.Ask:
    """What was sent. Without script the secret was typed into a second field of the same name."""
    sent = request.POST
    return share_links.Ask(
        lookup=lookup,
        secret=next((text.strip().lstrip("#") for text in sent.getlist("secret") if text), ""),
        pin=sent.get("pin", "").strip(),
        public_key=sent.get("public_key", ""),
        keeps_key="keeps_key" in sent,
    )


def _stopped(request: HttpRequest) -> HttpResponse:
    answer = _page(request, ENDED, status=429, why="stopped")
    answer["Retry-After"] = str(share_limits.WINDOW_SECONDS)
    return answer


@sensitive_variables()
def _shown(file: ClientFile) -> dict[str, Any]:
    """What the page shows; the code and the link are made in the browser where the key is."""
    shown = {"file": file, "tunnel": file.name.removesuffix(".conf"), "placeholder": PLACEHOLDER}
    if not file.conf.is_complete:
        return shown
    data = b64encode(file.text.encode()).decode()
    try:
        return {**shown, "data": data, "code": qr.of_conf(file.conf)}
    except qr.NoQrCode as error:
        return {**shown, "data": data, "no_code": str(error)}


def _page(request: HttpRequest, template: str, status: int = 200, **shown: Any) -> HttpResponse:
    answer = render(request, template, shown, status=status)
    for name, value in HEADERS.items():
        answer[name] = value
    return answer
