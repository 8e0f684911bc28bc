"""What templates use to show nodes; the work is done in `nodes.presentation`."""

from django import template

from nodes import presentation as show

register = template.Library()
for _filter in (show.moment, show.percent, show.size, show.skew, show.span, show.words):
    register.filter(_filter.__name__, _filter)
register.filter("key", show.short_key)
for _tag in (
    show.badge, show.counts, show.due, show.flags, show.interface_state, show.meter, show.pill,
    show.score, show.score_bar, show.share, show.since, show.standing, show.transport, show.when,
):  # fmt: skip
    register.simple_tag(_tag)
