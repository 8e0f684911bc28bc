import datetime as dt
import uuid
from collections.abc import Sequence
from functools import partial
from typing import Any, cast

from django.db import transaction
from django.shortcuts import get_object_or_404
from django.utils.functional import cached_property
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.exceptions import APIException
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.viewsets import ModelViewSet

from accounts.permissions import ChangePermissions, check_password_typed
from groups.models import NodeGroup
from nodes import changing, removal, rotation
from nodes.calling import client
from nodes.filters import NodeFilter
from nodes.keyed import SECRETS
from nodes.models import TRANSPORT_FIELDS, Node, PollingPolicy
from nodes.polls.polling import request_polls
from nodes.querysets import NodeQuerySet
from nodes.serializers import (
    ConnectionSerializer,
    ForgottenSerializer,
    GroupChoiceSerializer,
    NodeCreateSerializer,
    NodeSerializer,
    RequestedSerializer,
    RotationSerializer,
    SelectionSerializer,
)

_act = partial(action, methods=["post"], permission_classes=[ChangePermissions])


class CannotForget(APIException):
    status_code = status.HTTP_409_CONFLICT


class NodeIsDisabled(APIException):
    status_code = status.HTTP_409_CONFLICT
    default_code = "node_is_disabled"
    default_detail = "The node is disabled. Enable it first."


@extend_schema_view(
    list=extend_schema(summary="List nodes"),
    create=extend_schema(
        summary="Add a node", request=NodeCreateSerializer, responses={201: NodeSerializer}
    ),
    retrieve=extend_schema(summary="Show a node"),
    update=extend_schema(summary="Replace the settings of a node"),
    partial_update=extend_schema(summary="Change a node"),
    destroy=extend_schema(
        summary="Forget a node; one that still answers must be disabled first",
        responses={200: ForgottenSerializer},
    ),
)
class NodeViewSet(ModelViewSet):
    queryset = Node.objects.all()
    serializer_class = NodeSerializer
    filterset_class = NodeFilter
    lookup_value_converter = "uuid"
    search_fields = ("name", "agent_url")
    ordering = ("name",)
    ordering_fields = {
        "name": "name", "status": "standing", "cpu_percent": "cpu_percent",
        "memory_percent": "memory_percent", "active_peers": "active_peers",
        "reported_at": "reported_at", "group": "group__name", "score": "score",
        "assigned_peers": "assigned_peers",
    }  # fmt: skip

    def get_queryset(self) -> NodeQuerySet:
        """Lock the row that is about to change."""
        if self.action in ("update", "partial_update"):
            return Node.objects.select_for_update()
        return self._readable()

    @cached_property
    def _interval(self) -> dt.timedelta:
        return PollingPolicy.current().interval

    def _readable(self) -> NodeQuerySet:
        nodes = Node.objects.with_standing(self._interval)
        return nodes.select_related("group").defer(*SECRETS)

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        serializer = NodeCreateSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return Response(self._show(serializer.save()), status.HTTP_201_CREATED)

    @transaction.atomic
    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().update(request, *args, **kwargs)

    def perform_update(self, serializer: BaseSerializer) -> None:
        node, sent = cast(Node, serializer.instance), serializer.validated_data
        called_otherwise = "secret" in sent or any(
            sent[name] != getattr(node, name) for name in TRANSPORT_FIELDS if name in sent
        )
        serializer.save()
        if called_otherwise:
            request_polls(Node.objects.filter(pk=node.pk))
        serializer.instance = self._readable().get(pk=node.pk)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        node = self.get_object()
        check_password_typed(request)
        lost = removal.what_goes_with(node)
        try:
            removal.forget(node, request.user)
        except removal.CannotForget as error:
            raise CannotForget(str(error), error.code) from error
        return Response(ForgottenSerializer({"went_with_it": lost}).data)

    @extend_schema(
        summary="Put a node into a group, or out of its group",
        request=GroupChoiceSerializer,
        responses=NodeSerializer,
    )
    @_act(detail=True, url_path="assign-group", serializer_class=GroupChoiceSerializer)
    def assign_group(self, request: Request, pk: str) -> Response:
        node = self.get_object()
        chosen = GroupChoiceSerializer(data=request.data)
        chosen.is_valid(raise_exception=True)
        changing.change(Node.objects.filter(pk=node.pk), request.user, **chosen.validated_data)
        return Response(self._show(node))

    @extend_schema(
        summary="Test the connection by a signed call",
        description="Answers 200 whatever the test finds: `ok` says whether it passed.",
        request=None,
        responses=ConnectionSerializer,
    )
    @_act(detail=True)
    def test(self, request: Request, pk: str) -> Response:
        return Response(ConnectionSerializer(_tested(self.get_object())).data)

    @extend_schema(
        summary="Give the node a new key, without an interruption",
        description="The work follows: `rotation_step` of the node tells how far it is.",
        request=RotationSerializer,
        responses={202: NodeSerializer},
    )
    @_act(detail=True, url_path="rotate-key", serializer_class=RotationSerializer)
    def rotate_key(self, request: Request, pk: str) -> Response:
        node = self.get_object()
        if not node.enabled:
            raise NodeIsDisabled
        asked = RotationSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        if asked.validated_data["retire_now"]:
            check_password_typed(request)
        nodes = Node.objects.filter(pk=node.pk)
        rotation.start(nodes, request.user, urgent=asked.validated_data["retire_now"])
        return Response(self._show(node), status.HTTP_202_ACCEPTED)

    @extend_schema(
        summary="Ask one node for its status now",
        request=None,
        responses={202: RequestedSerializer},
    )
    @_act(detail=True)
    def poll(self, request: Request, pk: str) -> Response:
        node = self.get_object()
        if not node.enabled:
            raise NodeIsDisabled
        return _request_polls(Node.objects.filter(pk=node.pk))

    @extend_schema(
        operation_id="nodes_poll_selection",
        summary="Ask several nodes, or a group, for their status now",
        request=SelectionSerializer,
        responses={202: RequestedSerializer},
    )
    @_act(detail=False, url_path="poll", serializer_class=SelectionSerializer)
    def poll_selection(self, request: Request) -> Response:
        selection = SelectionSerializer(data=request.data)
        selection.is_valid(raise_exception=True)
        return _request_polls(selected(**selection.validated_data))

    def _show(self, node: Node) -> dict[str, Any]:
        return NodeSerializer(self._readable().get(pk=node.pk)).data


class GroupPollView(GenericAPIView):
    """What is done to the nodes of a group belongs to nodes: groups know nothing of polling."""

    queryset = Node.objects.all()  # whose permissions count
    permission_classes = (ChangePermissions,)
    serializer_class = RequestedSerializer

    @extend_schema(
        summary="Ask all nodes of a group for their status now",
        request=None,
        responses={202: RequestedSerializer},
    )
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        group = get_object_or_404(NodeGroup, pk=pk)
        return _request_polls(Node.objects.filter(group=group))


def selected(ids: Sequence[uuid.UUID] = (), group: NodeGroup | None = None) -> NodeQuerySet:
    """Return the nodes with these ids or, without ids, those of the group, or of no group."""
    return Node.objects.filter(pk__in=ids) if ids else Node.objects.filter(group=group)


def _tested(node: Node) -> dict[str, Any]:
    try:
        answer = client.test_connection(node)
    except client.AgentError as error:
        found = {"ok": False, "code": error.code, "detail": error.sentence}
        return {**found, "version": None, "latency_ms": None, "clock_skew_ms": error.skew_ms}
    return {
        "ok": True,
        "code": "ok",
        "detail": "The agent answered and signed with this node's key.",
        "version": answer.version,
        "latency_ms": round(answer.latency_ms, 1),
        "clock_skew_ms": answer.clock_skew_ms,
    }


def _request_polls(nodes: NodeQuerySet) -> Response:
    requested = RequestedSerializer({"requested": request_polls(nodes)})
    return Response(requested.data, status.HTTP_202_ACCEPTED)
