from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.exceptions import APIException
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import ViewPermissions
from nodes.models import Node
from selection.decision import NodeRefused, NoNodeAvailable
from selection.outlook import what_if
from selection.serializers import AnswerSerializer, QuestionSerializer, RefusalSerializer, told


class Refused(APIException):
    """Nothing can be chosen; `more` says how many nodes were left out for which reason."""

    status_code = status.HTTP_409_CONFLICT

    def __init__(self, error: NoNodeAvailable) -> None:
        code = "node_refused" if isinstance(error, NodeRefused) else "no_node_available"
        super().__init__(str(error), code)
        self.more = {"exclusions": error.exclusions}


class SelectionView(GenericAPIView):
    queryset = Node.objects.all()  # whose permissions count
    permission_classes = (ViewPermissions,)
    serializer_class = QuestionSerializer

    @extend_schema(
        summary="Ask which node takes the next peer, and why",
        description="Nothing is reserved: a place is taken only by creating a peer.",
        responses={200: AnswerSerializer, 409: RefusalSerializer},
    )
    def post(self, request: Request) -> Response:
        question = QuestionSerializer(data=request.data)
        question.is_valid(raise_exception=True)
        try:
            answer = what_if(**question.validated_data)
        except NoNodeAvailable as error:
            raise Refused(error) from error
        return Response(told(answer))
