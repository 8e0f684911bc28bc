"""What the pools of an interface may become: addresses that peers hold never change under them."""

import ipaddress
from collections.abc import Mapping

from nodes.models import Interface
from nodes.pools import Pool
from peers.errors import InterfaceRefused
from peers.models import Address
from peers.pools import networks

FAMILIES = (4, 6)
Texts = Mapping[str, str]


def texts(interface: Interface) -> Texts:
    """The pools and own addresses of an interface, to compare with after a change."""
    names = [f"{what}_v{family}" for what in ("pool", "address") for family in FAMILIES]
    return {name: getattr(interface, name) for name in names}


def settle(interface: Interface, before: Texts | None = None) -> None:
    """Check pools and own addresses, and choose the addresses that are left open.

    `before` are the `texts` of a saved interface. Raises InterfaceRefused.
    """
    if not interface.pool_v4 and not interface.pool_v6:
        raise InterfaceRefused("pool_v4", "An interface needs a pool.")
    for family in FAMILIES:
        _settle(interface, family, before or {})


def _settle(interface: Interface, family: int, before: Texts) -> None:
    pool, name = _pool(interface, family), f"address_v{family}"
    if before and before[f"pool_v{family}"] != getattr(interface, f"pool_v{family}"):
        _keep_what_is_held(interface, family, pool, before[f"pool_v{family}"])
    if pool is None:
        setattr(interface, name, "")
        return
    _refuse_collisions(interface, pool)
    own = _own_address(interface, pool, before.get(name))
    setattr(interface, name, str(own))
    if before and (str(pool), str(own)) != (before[f"pool_v{family}"], before[name]):
        setattr(interface, f"next_offset_v{family}", pool.first)


def _pool(interface: Interface, family: int) -> Pool | None:
    name = f"pool_v{family}"
    try:
        pool = interface.pool(family) if getattr(interface, name) else None
    except ValueError as error:
        raise InterfaceRefused(name, f"Not a pool: {error}.") from error
    if pool is not None and pool.family != family:
        raise InterfaceRefused(name, f"This is not an IPv{family} network.")
    return pool


def _keep_what_is_held(interface: Interface, family: int, pool: Pool | None, old: str) -> None:
    """Refuse a pool in which the offsets of held addresses mean others, or that lacks them."""
    rows = Address.objects.filter(interface=interface, family=family)
    held = [row for row in (rows.held().last(),) if row]
    reserved = interface.reservations.filter(family=family)
    if pool is not None and old and Pool.parse(old).at(0) == pool.at(0):
        if any(row.offset > pool.last for row in held):
            raise InterfaceRefused(f"pool_v{family}", "Peers have addresses beyond this pool.")
    elif held or reserved.exists():
        sentence = "Peers have addresses, or some are reserved, in the pool that would go."
        raise InterfaceRefused(f"pool_v{family}", sentence)
    else:
        rows.delete()


def _refuse_collisions(interface: Interface, pool: Pool) -> None:
    for claim in (
        networks.colliding_pool(pool.network, interface),
        networks.colliding_route(pool.network),
    ):
        if claim is not None:
            sentence = f"{pool} overlaps {claim.network}, {claim.what}."
            raise InterfaceRefused(f"pool_v{pool.family}", sentence)


def _own_address(
    interface: Interface, pool: Pool, before: str | None
) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The address of the interface: what was asked for, or the first host of the pool."""
    name = f"address_v{pool.family}"
    text = getattr(interface, name)
    own = _parsed(name, text) if text else pool.at(pool.first)
    offset = pool.offset_of(own)
    if offset is None and text == before:
        own, offset = pool.at(pool.first), pool.first  # it went with its pool
    if offset is None or not pool.first <= offset <= pool.last:
        raise InterfaceRefused(name, f"{own} is not a host address of {pool}.")
    rows = Address.objects.held().filter(interface=interface, family=pool.family, offset=offset)
    if rows.exists():
        raise InterfaceRefused(name, f"A peer has {own}.")
    return own


def _parsed(name: str, text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        if "%" not in text:
            return ipaddress.ip_address(text)
    except ValueError:
        pass
    raise InterfaceRefused(name, "This is not an IP address.")
