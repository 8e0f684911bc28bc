"""What Prometheus asks the panel for."""

from collections.abc import Iterator

from django.http import StreamingHttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.views import APIView

from monitoring import targets
from monitoring.serializers import TargetSerializer
from nodes.models import Node


class TargetsView(APIView):
    queryset = Node.objects.all()  # whose permissions count

    @extend_schema(
        summary="List the enabled nodes for Prometheus' HTTP service discovery",
        responses=TargetSerializer(many=True),
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        pieces = targets.document()
        first = next(pieces)  # a database that fails is noticed while a status can still say so
        return StreamingHttpResponse(_resumed(first, pieces), content_type="application/json")


def _resumed(first: str, pieces: Iterator[str]) -> Iterator[str]:
    yield first
    yield from pieces  # a caller that hangs up closes the query too
