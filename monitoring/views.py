"""What Prometheus asks the panel for."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
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
    def get(self, request: Request) -> Response:
        return Response(targets.all_targets())
