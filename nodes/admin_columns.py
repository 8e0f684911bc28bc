"""The columns of the node list."""

from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from nodes import presentation
from nodes.models import Node


class NodeColumns:
    """Each takes a node from `with_standing`, with its group and without its report."""

    @display(description="Node", ordering="name")
    def named(self, node: Node) -> SafeString:
        return format_html(
            '<span class="wg-two"><span><bdi>{}</bdi> {}</span><small>{}</small></span>',
            node.name,
            presentation.flags(node),
            node.agent_url,
        )

    @display(description="Status", ordering="standing")
    def stands(self, node: Node) -> SafeString:
        return presentation.standing(node)

    @display(description="Peers", ordering="active_peers")
    def peers(self, node: Node) -> SafeString:
        return presentation.share(node.active_peers, node.max_peers)

    @display(description="Score", ordering="score")
    def scored(self, node: Node) -> SafeString:
        return presentation.score(node.load)

    @display(description="CPU", ordering="cpu_percent")
    def cpu(self, node: Node) -> SafeString:
        return presentation.meter(node.cpu_percent, "CPU")

    @display(description="Memory", ordering="memory_percent")
    def memory(self, node: Node) -> SafeString:
        return presentation.meter(node.memory_percent, "Memory")

    @display(description="Disk", ordering="disk_percent")
    def disk(self, node: Node) -> SafeString:
        return presentation.meter(node.disk_percent, "Disk")

    @display(description="Last report", ordering="reported_at")
    def reported(self, node: Node) -> SafeString:
        return presentation.when(node.reported_at, timezone.now())

    @display(description="Group", ordering="group__name", empty_value="–")
    def group_name(self, node: Node) -> str | None:
        return node.group.name if node.group else None

    @display(description="Agent", ordering="agent_version", empty_value="–")
    def agent(self, node: Node) -> str | None:
        return node.agent_version or None
