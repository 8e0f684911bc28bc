"""What is done to many peers at once."""

from collections.abc import Callable
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import PermissionDenied
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import StaffModelPermissions
from peers.many import bulk
from peers.many.bulk import Outcome
from peers.many.serializers import BulkSerializer, OutcomeSerializer
from peers.models import Peer
from peers.refusals import Refusing

Act = Callable[..., Outcome]
ACTS: dict[str, tuple[str, Act]] = {
    "disable": ("change", lambda peers, user, tags: bulk.disable(peers, user)),
    "enable": ("change", lambda peers, user, tags: bulk.enable(peers, user)),
    "delete": ("delete", lambda peers, user, tags: bulk.remove(peers, user)),
    "tag": ("change", lambda peers, user, tags: bulk.tag(peers, user, add=tags)),
    "untag": ("change", lambda peers, user, tags: bulk.tag(peers, user, drop=tags)),
}


class SeeingPermissions(StaffModelPermissions):
    """Who may see peers may ask; each act has a right of its own."""

    perms_map = {**StaffModelPermissions.perms_map, "POST": StaffModelPermissions.perms_map["GET"]}


class BulkView(Refusing, GenericAPIView):
    queryset = Peer.objects.all()  # whose permissions count
    permission_classes = (SeeingPermissions,)
    serializer_class = BulkSerializer

    @extend_schema(
        summary="Disable, enable, delete, tag or untag several peers", responses=OutcomeSerializer
    )
    def post(self, request: Request) -> Response:
        asked = BulkSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        right, act = ACTS[asked.validated_data["action"]]
        if not request.user.has_perm(f"peers.{right}_peer"):
            raise PermissionDenied
        outcome = act(asked.peers, request.user, asked.validated_data.get("tags"))
        return Response(_told(outcome))


def _told(outcome: Outcome) -> dict[str, Any]:
    left = {str(pk): sentence for pk, sentence in outcome.left.items()}
    return {"changed": outcome.changed, "left": left}
