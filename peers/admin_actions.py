"""What an operator does to many peers at once: each a POST, a permission and one call."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, StreamingHttpResponse
from unfold.decorators import action

from accounts.stepping_up import needs_password_to_act
from peers.configuration.views import as_zip
from peers.many import bulk
from peers.many.bulk import Outcome
from peers.models import Peer
from peers.permissions import VIEW_CONFIGURATION
from peers.querysets import PeerQuerySet

REASONS_TOLD = 3


class PeerActions:
    actions = ("enable", "disable", "export", "remove")

    @action(description="Enable", permissions=["change"])
    def enable(self, request: HttpRequest, peers: PeerQuerySet) -> None:
        _tell(request, bulk.enable(peers, request.user), "enabled")

    @action(description="Disable", permissions=["change"])
    def disable(self, request: HttpRequest, peers: PeerQuerySet) -> None:
        _tell(request, bulk.disable(peers, request.user), "disabled")

    @action(description="Take their files as a zip", permissions=["hand_out"])
    @needs_password_to_act
    def export(self, request: HttpRequest, peers: PeerQuerySet) -> StreamingHttpResponse:
        # anew: the list leaves out the columns that files are made of
        return as_zip(Peer.objects.filter(pk__in=peers.order_by().values("pk")))

    def has_hand_out_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(VIEW_CONFIGURATION)

    @action(description="Remove for good", permissions=["delete"])
    def remove(self, request: HttpRequest, peers: PeerQuerySet) -> None:
        _tell(request, bulk.remove(peers, request.user), "removed")

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        found: dict[str, Any] = super().get_actions(request)  # type: ignore[misc]
        found.pop("delete_selected", None)
        return found


def _tell(request: HttpRequest, outcome: Outcome, what: str) -> None:
    messages.success(request, f"{_peers(outcome.changed)} {what}.")
    for sentence in list(dict.fromkeys(outcome.left.values()))[:REASONS_TOLD]:
        messages.warning(request, f"{_peers(len(outcome.left))} left as they are: {sentence}")


def _peers(count: int) -> str:
    return "1 peer" if count == 1 else f"{count} peers"
