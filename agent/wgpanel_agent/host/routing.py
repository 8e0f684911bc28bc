"""Which routes an interface wants: known at once after a delta, however many peers there are."""

from collections.abc import Mapping

from wgpanel_agent.documents import InterfacePart, PeerPart
from wgpanel_agent.host.iproute import Range, Route, in_table, networks_beyond, own_ranges


class WantedRoutes:
    """Of one interface. It remembers what each peer has beyond the pool, and looks at those alone
    that are not the same object as before."""

    def __init__(self) -> None:
        self._own: frozenset[Range] = frozenset()
        self._peers: Mapping[str, PeerPart] = {}
        self._beyond: dict[str, list[str]] = {}

    def of(
        self, part: InterfacePart, peers: Mapping[str, PeerPart], now: float
    ) -> frozenset[Route]:
        """Of the peers that have not expired; `now` is Unix time in seconds."""
        self._follow(own_ranges(part), peers)
        here = (it for key, it in self._beyond.items() if not peers[key].is_expired(now))
        return in_table(part, (network for networks in here for network in networks))

    def _follow(self, own: frozenset[Range], peers: Mapping[str, PeerPart]) -> None:
        known = self._peers if own == self._own else {}
        beyond = {
            key: it
            for key, it in self._beyond.items()
            if key in peers and known.get(key) is peers[key]
        }
        for key, peer in peers.items():
            if known.get(key) is not peer and (networks := networks_beyond(own, peer)):
                beyond[key] = networks
        self._own, self._peers, self._beyond = own, peers, beyond
