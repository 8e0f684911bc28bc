"""Make, change and remove interfaces: what nodes shall have, and what clients are told of it."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from wgpanel_agent.documents import InterfacePart, InvalidDocument

from accounts.actor import Actor
from nodes import client_fields
from nodes.client_fields import elements
from nodes.models import Interface, Node
from peers import desired
from peers.configuration import delivery
from peers.errors import InterfaceRefused
from peers.pools import capacity
from peers.pools import changes as pool_changes

CHANGEABLE = frozenset(
    {
        "listen_port", "pool_v4", "pool_v6", "address_v4", "address_v6", "endpoint_host",
        "endpoint_port", "dns", "mtu", "client_allowed_ips", "keepalive", "fwmark", "table",
        "forward", "masquerade", "out_interface", "policy", "accepts_peers",
    }
)  # fmt: skip


@transaction.atomic
def create(user: Actor, node: Node, name: str, **fields: Any) -> Interface:
    """Save a new interface of `node` with the CHANGEABLE `fields`; the node makes its key.

    The first interface of a node takes its new peers unless it is told not to. Raises
    InterfaceRefused.
    """
    desired.locked_node(node.pk)
    is_first = not node.interfaces.present().filter(accepts_peers=True).exists()
    interface = Interface(node=node, name=name, **{"accepts_peers": is_first, **_known(fields)})
    pool_changes.settle(interface)
    _check(interface)
    _remember(interface, user)
    desired.begin(interface)
    _follow_up(interface)
    return interface


@transaction.atomic
def change(user: Actor, interface: Interface, **fields: Any) -> Interface:
    """Give an interface these CHANGEABLE fields and return it as it is then.

    Raises InterfaceRefused, Interface.DoesNotExist for one that was removed.
    """
    present = _locked(interface)
    before, was = pool_changes.texts(present), present.part()
    for name, value in _known(fields).items():
        setattr(present, name, value)
    pool_changes.settle(present, before)
    part = _check(present)
    _remember(present, user)
    present.save(update_fields=[*CHANGEABLE, "next_offset_v4", "next_offset_v6", "updated_at"])
    if part != was:
        desired.raise_generation(present, [part.digest()], [was.digest()])
    _follow_up(present)
    return present


@transaction.atomic
def remove(user: Actor, interface: Interface) -> None:
    """Take an interface off its node; a tombstone until the node has confirmed.

    Raises InterfaceRefused while it has peers, Interface.DoesNotExist for one that was removed.
    """
    present = _locked(interface)
    if count := present.peers.existing().count():
        raise InterfaceRefused("peers", f"{present} has peers ({count}): remove them first.")
    present.removed_at, present.accepts_peers = timezone.now(), False
    _remember(present, user)
    present.save(update_fields=["removed_at", "accepts_peers", "updated_at"])
    desired.raise_generation(present)
    capacity.review(present.node_id)


def _locked(interface: Interface) -> Interface:
    present = desired.locked_with_node(interface.pk)
    if present.removed_at is not None:
        raise Interface.DoesNotExist(f"{present} was removed.")
    return present


def _known(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    if refused := fields.keys() - CHANGEABLE:
        raise ValueError(f"not to be changed: {', '.join(sorted(refused))}")
    return fields


def _check(interface: Interface) -> InterfacePart:
    """Return what the node will be told; raises InterfaceRefused for the first fault."""
    _settle_client_fields(interface)
    _check_fields(interface)
    others = interface.node.interfaces.exclude(pk=interface.pk)
    if others.filter(name=interface.name).exists():
        raise InterfaceRefused("name", "The node has an interface of this name.")
    if others.filter(listen_port=interface.listen_port).exists():
        raise InterfaceRefused("listen_port", "Another interface of the node has this port.")
    if interface.accepts_peers and others.present().filter(accepts_peers=True).exists():
        raise InterfaceRefused("accepts_peers", "Another interface takes the node's new peers.")
    try:
        return interface.part()
    except InvalidDocument as error:
        field = error.field.removeprefix("interface.").partition("[")[0]
        raise InterfaceRefused(field, f"This {error.problem}.") from error


def _check_fields(interface: Interface) -> None:
    try:
        interface.clean_fields(exclude={"node", "desired_hash"})
    except ValidationError as error:
        name, faults = next(iter(error.message_dict.items()))
        raise InterfaceRefused(name, " ".join(faults)) from error


def _settle_client_fields(interface: Interface) -> None:
    """Give what clients are told its one spelling; raises InterfaceRefused."""
    try:
        if interface.endpoint_host:
            interface.endpoint_host = client_fields.host(interface.endpoint_host)
        interface.dns = ", ".join(client_fields.name_servers(elements(interface.dns, "dns")))
        routes = elements(interface.client_allowed_ips, "client_allowed_ips")
        interface.client_allowed_ips = ", ".join(client_fields.routes(routes))
    except InvalidDocument as error:
        raise InterfaceRefused(error.field.partition("[")[0], f"This {error.problem}.") from error


def _remember(interface: Interface, user: Actor) -> None:
    interface._history_user = user  # type: ignore[attr-defined]  # read by simple_history


def _follow_up(interface: Interface) -> None:
    """Bring up to date what is derived from an interface."""
    delivery.interface_changed(interface)
    capacity.review(interface.node_id)
