"""Keep addresses of a pool for operators: peers get them only by name."""

from django.core.exceptions import ValidationError
from django.db import transaction

from groups.validators import printable
from nodes.models import Interface
from peers import desired
from peers.errors import InterfaceRefused, PeerRefused
from peers.models import AddressReservation
from peers.pools import addresses, capacity


@transaction.atomic
def add(interface: Interface, first: str, last: str, note: str = "") -> AddressReservation:
    """Reserve the addresses from `first` to `last`; peers that have some keep them.

    Raises InterfaceRefused.
    """
    try:
        printable(note)
    except ValidationError as error:
        raise InterfaceRefused("note", error.messages[0]) from error
    present = desired.locked_with_node(interface.pk)
    family, first_offset = _offset(present, first)
    other, last_offset = _offset(present, last)
    if family != other or last_offset < first_offset:
        raise InterfaceRefused("reservations", "The last address comes before the first.")
    reservation = AddressReservation.objects.create(
        interface=present,
        family=family,
        first_offset=first_offset,
        last_offset=last_offset,
        note=note,
    )
    capacity.review(present.node_id)
    return reservation


@transaction.atomic
def drop(reservation: AddressReservation) -> None:
    """Give reserved addresses back: those that allocation has passed are looked at again."""
    interface = desired.locked_with_node(reservation.interface_id)
    name = f"next_offset_v{reservation.family}"
    if reservation.first_offset < getattr(interface, name):
        rows = Interface.objects.filter(pk=interface.pk)
        rows.update(**{name: reservation.first_offset})
    reservation.delete()
    capacity.review(interface.node_id)


def _offset(interface: Interface, text: str) -> tuple[int, int]:
    try:
        address = addresses.parse(text)
    except PeerRefused as error:
        raise InterfaceRefused("reservations", error.sentence) from error
    pools = (pool for pool in interface.pools if pool.family == address.version)
    offset = next((pool.offset_of(address) for pool in pools), None)
    if offset is None:
        raise InterfaceRefused("reservations", f"{address} is in no pool of the interface.")
    return address.version, offset
