"""Join tokens for operators, and the one address where a node without an account may speak."""

from typing import Any

from django.core.exceptions import ValidationError as Invalid
from django.db.models import QuerySet
from django.views.decorators.debug import sensitive_variables
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import mixins, status
from rest_framework.decorators import action
from rest_framework.exceptions import APIException, PermissionDenied, Throttled, ValidationError
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from accounts.addresses import client_address, client_network
from accounts.permissions import ChangePermissions
from nodes.enrolment import calling, joining, making
from nodes.enrolment.errors import JoinRefused
from nodes.enrolment.join_token import JoinToken
from nodes.enrolment.serializers import (
    AskSerializer,
    JoinTokenSerializer,
    NewTokenSerializer,
    OfferSerializer,
)
from nodes.enrolment.throttle import WINDOW_SECONDS, Throttle

NO_STORE = {"Cache-Control": "no-store"}


class Refusal(APIException):
    def __init__(self, error: JoinRefused) -> None:
        super().__init__(str(error), error.code)
        self.status_code = error.status


class CannotRevoke(APIException):
    status_code = status.HTTP_409_CONFLICT
    default_code = "cannot_revoke"
    default_detail = "The token was used or revoked before."


class CannotCall(APIException):
    status_code = status.HTTP_409_CONFLICT
    default_code = "nothing_to_call"
    default_detail = "The node of this token comes by itself, has come, or the token has ended."


@extend_schema_view(
    list=extend_schema(summary="List join tokens"),
    retrieve=extend_schema(summary="Show a join token"),
)
class JoinTokenViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[JoinToken]):
    queryset = JoinToken.objects.select_related("created_by")
    serializer_class = JoinTokenSerializer
    lookup_value_converter = "uuid"
    filter_backends = ()

    def filter_queryset(self, queryset: QuerySet[Any, Any]) -> QuerySet[Any, Any]:
        return queryset.defer("key").order_by("-created_at", "-pk")

    @extend_schema(
        summary="Make a one-use token by which a node joins",
        request=JoinTokenSerializer,
        responses={201: NewTokenSerializer},
    )
    @sensitive_variables()
    def create(self, request: Request) -> Response:
        asked = JoinTokenSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        if asked.validated_data.get("node") and not request.user.has_perm("nodes.change_node"):
            raise PermissionDenied
        try:
            row, token = making.make(request.user, **asked.validated_data)
        except Invalid as error:
            raise ValidationError(error.message_dict) from error
        lines = making.lines(row, token, making.panel_url(request))
        shown = {"token": token, "line": lines.enrol, "install_line": lines.install}
        return Response(
            {**JoinTokenSerializer(row).data, **shown}, status.HTTP_201_CREATED, headers=NO_STORE
        )

    @extend_schema(
        summary="Revoke a join token",
        responses={204: OpenApiResponse(description="Nobody can join with it any more.")},
    )
    def destroy(self, request: Request, **kwargs: Any) -> Response:
        if not making.revoke(self.get_object()):
            raise CannotRevoke
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        summary="Call the node that waits with this token now",
        description="The panel does so every few seconds; `call_problem` says what it met.",
        request=None,
        responses=JoinTokenSerializer,
    )
    @action(detail=True, methods=["post"], permission_classes=[ChangePermissions])
    def call(self, request: Request, pk: str) -> Response:
        try:
            called = calling.call_now(self.get_object().pk)
        except calling.NothingToCall as error:
            raise CannotCall from error
        return Response(JoinTokenSerializer(called).data)

    @extend_schema(
        summary="Let in the node that has proven this token and waits",
        request=None,
        responses=JoinTokenSerializer,
    )
    @action(detail=True, methods=["post"], permission_classes=[ChangePermissions])
    def approve(self, request: Request, pk: str) -> Response:
        row = self.get_object()
        try:
            joining.approve(row, request.user)
        except JoinRefused as error:
            raise Refusal(error) from error
        return Response(JoinTokenSerializer(self.get_object()).data)


class EnrolView(APIView):
    """Nobody logs in here: the proof of the token is the right."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle = Throttle()

    @extend_schema(
        summary="Join as a node, with a token",
        description="Spoken by `wgpanel-agent enrol`. 202 while an operator has to approve.",
        auth=[],
        request=AskSerializer,
        responses={200: OfferSerializer, 202: OfferSerializer},
    )
    @sensitive_variables()
    def post(self, request: Request) -> Response:
        if not self.throttle.admits(client_network(request)):
            raise Throttled(WINDOW_SECONDS)
        asked = AskSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        ask = joining.Ask(address=client_address(request), **asked.validated_data)
        try:
            offer = joining.join(ask)
        except JoinRefused as error:
            raise Refusal(error) from error
        if offer is None:
            return Response({"state": "waiting"}, status.HTTP_202_ACCEPTED, headers=NO_STORE)
        return Response({"state": "admitted", **offer}, headers=NO_STORE)
