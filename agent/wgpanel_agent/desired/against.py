"""What a node tells whoever names the very desired state that its journal has: differences only.

The hash of a state vouches for each of its peers, so those that are as that state wants need not
be sent, read and compared. Any other name, or none, is answered with everything.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from wgpanel_agent.desired.plans import plan_document
from wgpanel_agent.desired.store import Store
from wgpanel_agent.documents import PeerPart, State
from wgpanel_agent.files.serverconf import ServerConf
from wgpanel_agent.host.wireguard import Fingerprint, Peer
from wgpanel_agent.http import Call, invalid_as_422

NAME = "against"


@dataclass(frozen=True, slots=True)
class Against:
    """The state that was named, and who may connect by it."""

    state: State
    wanted: Mapping[str, PeerPart]

    @classmethod
    def named(cls, call: Call, store: Store, now: float) -> Self | None:
        """None where another state was named, or none; raises HttpError for what is no state."""
        text, found = call.query.get(NAME), store.whole(call.params["iface"])
        if text is None or found is None:
            return None
        with invalid_as_422():
            state = State.parse_etag(f'"{text}"')
        kept, peers = found
        if state != kept.state:
            return None
        return cls(state, {key: it for key, it in peers.items() if not it.is_expired(now)})

    async def running(
        self, peers: Mapping[str, Peer], fingerprint: Fingerprint
    ) -> tuple[list[Peer], list[str]]:
        """The peers that run otherwise than they are wanted, or are not, and the keys of those
        that do not run."""
        plan = await plan_document(peers, list(self.wanted.values()), fingerprint)
        touched = [(key, peers.get(key)) for key in sorted(plan.touched)]
        missing = [key for key, it in touched if it is None and key in self.wanted]
        return [it for _, it in touched if it is not None], missing

    def on_disk(self, conf: ServerConf) -> tuple[list[PeerPart], list[str]]:
        """The same of a file."""
        found = {peer.public_key: peer for peer in conf.peers}
        other = [it for key, it in found.items() if not _is_as_wanted(it, self.wanted.get(key))]
        return other, [key for key in self.wanted if key not in found]

    def told(self, missing: list[str]) -> dict[str, Any]:
        """What says of an answer that the peers in it are not all."""
        return {NAME: self.state.etag.strip('"'), "missing": missing}


def _is_as_wanted(found: PeerPart, wanted: PeerPart | None) -> bool:
    """A file has neither expiry nor quota."""
    return wanted is not None and (
        found.allowed_ips == wanted.allowed_ips
        and found.keepalive == wanted.keepalive
        and found.preshared_key == wanted.preshared_key
    )
