"""The columns of the peer list; each takes a peer with its interface, node and addresses."""

from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import display

from nodes.presentation import badge, size, when
from peers.models import Peer
from peers.standing import standing

TAGS_SHOWN = 4


class PeerColumns:
    LISTED = (
        "name", "public_key", "tags", "enabled", "expires_at", "last_handshake_at", "rx_bytes",
        "tx_bytes", "client_fingerprint", "delivered_fingerprint", "interface__name",
        "interface__pool_v4", "interface__pool_v6", "interface__client_fingerprint",
        "interface__node__name",
    )  # fmt: skip

    @display(description="Peer", ordering="name")
    def named(self, peer: Peer) -> SafeString:
        tags = format_html_join(" ", "{}", ((badge(tag),) for tag in peer.tags[:TAGS_SHOWN]))
        return format_html(
            '<span class="wg-two"><span><bdi>{}</bdi> {}</span><small>{}…</small></span>',
            peer.name, tags, peer.public_key[:12],
        )  # fmt: skip

    @display(description="Status")
    def stands(self, peer: Peer) -> SafeString:
        now = standing(peer, timezone.now())
        return badge(now.label, now.tone)

    @display(description="Node", ordering="interface__node__name")
    def placed(self, peer: Peer) -> SafeString:
        interface = peer.interface
        return format_html("<span><bdi>{}</bdi> / {}</span>", interface.node.name, interface.name)

    @display(description="Addresses")
    def own_addresses(self, peer: Peer) -> SafeString:
        texts = [(str(ip),) for ip in peer.ips]
        return format_html(
            '<span class="wg-two">{}</span>', format_html_join("", "<code>{}</code>", texts)
        )

    @display(description="Last handshake", ordering="last_handshake_at")
    def handshake(self, peer: Peer) -> SafeString:
        return when(peer.last_handshake_at, timezone.now())

    @display(description="From / to it", ordering="rx_bytes")
    def traffic(self, peer: Peer) -> str:
        return f"{size(peer.rx_bytes)} / {size(peer.tx_bytes)}"

    @display(description="Expires", ordering="expires_at")
    def ends(self, peer: Peer) -> SafeString:
        return when(peer.expires_at, timezone.now())

    @display(description="File")
    def held_file(self, peer: Peer) -> SafeString:
        if not peer.delivered_fingerprint:
            return format_html('<span class="wg-quiet">{}</span>', "none")
        current = peer.interface.client_fingerprint + peer.client_fingerprint
        if peer.delivered_fingerprint == current:
            return badge("current", "success")
        return badge("outdated", "warning", "It was handed out before something in it changed")
