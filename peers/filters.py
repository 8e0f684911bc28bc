import uuid

from django.db.models import QuerySet
from django.utils import timezone
from django_filters import rest_framework as filters
from rest_framework.exceptions import ValidationError

from groups import references
from groups.models import NodeGroup
from nodes.filters import UNGROUPED, TruthFilter
from peers import searching
from peers.models import Peer
from peers.querysets import PeerQuerySet
from peers.standing import Standing, standing_so

MAX_SEARCH = 100  # characters; each word is a condition of its own in SQL


class PeerFilter(filters.FilterSet):
    search = filters.CharFilter(
        method="about", max_length=MAX_SEARCH,
        label="Words that must all occur in the name, the public key or a tag, or be an address.",
    )  # fmt: skip
    group = filters.CharFilter(
        method="in_group", max_length=64, label=f"Id or name of a group, or `{UNGROUPED}`."
    )
    node = filters.UUIDFilter(method="on_node")
    interface = filters.UUIDFilter(field_name="interface")
    public_key = filters.CharFilter(max_length=44, label="The whole key, percent-encoded.")
    tag = filters.CharFilter(method="with_tag", max_length=64, label="The whole tag.")
    enabled = TruthFilter()
    outdated = TruthFilter(
        method="holding", label="Whether it holds another configuration than it would get now."
    )
    status = filters.ChoiceFilter(method="standing", choices=Standing.choices)

    class Meta:
        model = Peer
        fields = ("group", "node", "interface", "public_key", "tag", "enabled", "status")

    def about(self, peers: PeerQuerySet, name: str, text: str) -> PeerQuerySet:
        return searching.search(peers, text)

    def in_group(self, peers: QuerySet[Peer], name: str, reference: str) -> QuerySet[Peer]:
        return peers.filter(interface__node__group=group_called(name, reference))

    def on_node(self, peers: PeerQuerySet, name: str, node: uuid.UUID) -> PeerQuerySet:
        return peers.on_node(node)

    def with_tag(self, peers: QuerySet[Peer], name: str, tag: str) -> QuerySet[Peer]:
        return peers.filter(searching.HasTag(tag))

    def holding(self, peers: PeerQuerySet, name: str, outdated: bool) -> PeerQuerySet:
        holders = Peer.objects.outdated().values("pk")
        return peers.filter(pk__in=holders) if outdated else peers.exclude(pk__in=holders)

    def standing(self, peers: QuerySet[Peer], name: str, wanted: str) -> QuerySet[Peer]:
        return peers.filter(standing_so(Standing(wanted), timezone.now()))


def group_called(name: str, reference: str) -> uuid.UUID | None:
    """Return the id of the group that the parameter `name` refers to; None for no group."""
    if reference == UNGROUPED:
        return None
    try:
        return references.find(reference).pk
    except NodeGroup.DoesNotExist as error:
        raise ValidationError({name: ["There is no such group."]}) from error
