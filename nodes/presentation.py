"""How figures and verdicts are shown to people: words, short numbers, small pieces of HTML.

Everything that comes from outside is escaped here, by `format_html`.
"""

import datetime as dt

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from nodes.models import Node, Status
from nodes.overview import Totals
from nodes.scoring import HIGHEST_BAR, Load, Score
from nodes.standing import standing_reason, standing_since

NEVER = "never"
UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
SPANS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))
INTERFACE_TONES = {"up": "success", "down": "danger", "error": "danger"}
BUSY_PERCENT, FULL_PERCENT = 70, 90
SHOWN_KEY_CHARACTERS = 8


def size(octets: float | None) -> str:
    """Return bytes as IEC 80000-13 writes them: `1.5 GiB`."""
    if octets is None:
        return "–"
    step = 0
    while octets >= 1024 and step < len(UNITS) - 1:
        octets, step = octets / 1024, step + 1
    return f"{octets:.0f} {UNITS[step]}" if step == 0 else f"{octets:.1f} {UNITS[step]}"


def span(length: dt.timedelta | float) -> str:
    """Return a length of time in its largest whole unit: `12 s`, `3 min`, `5 d`."""
    seconds = length.total_seconds() if isinstance(length, dt.timedelta) else length
    unit_seconds, unit = next(
        (size_unit for size_unit in SPANS if seconds >= size_unit[0]), (1, "s")
    )
    return f"{max(seconds, 0) // unit_seconds:.0f} {unit}"


def ago(at: dt.datetime | None, now: dt.datetime) -> str:
    """Return how long before `now` something was, or will be: `12 s ago`, `in 5 s`, `never`."""
    if at is None:
        return NEVER
    if at > now:
        return f"in {span(at - now)}"
    return f"{span(now - at)} ago"


def moment(at: dt.datetime | None) -> str:
    """Return a point in time exactly, in UTC."""
    return NEVER if at is None else f"{at.astimezone(dt.UTC):%Y-%m-%d %H:%M:%S} UTC"


def when(at: dt.datetime | None, now: dt.datetime) -> SafeString:
    """Return how long ago, with the exact time on hovering."""
    if at is None:
        return format_html('<span class="wg-quiet">{}</span>', NEVER)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', at.isoformat(), moment(at), ago(at, now)
    )


def since(node: Node, now: dt.datetime) -> SafeString:
    """Return how long a node from `with_standing` has stood as it does."""
    return when(standing_since(node), now)


def due(at: dt.datetime, now: dt.datetime) -> SafeString:
    """Return when something is to come: `in 5 s`, or `now` once its time has come."""
    if at > now:
        return when(at, now)
    return format_html('<time datetime="{}" title="{}">now</time>', at.isoformat(), moment(at))


def pill(standing: str, reason: str = "") -> SafeString:
    """Return a status as a coloured word, with its reason on hovering."""
    status = Status(standing)
    return format_html(
        '<span class="wg-pill wg-{}" title="{}">{}</span>', status.tone, reason, status.label
    )


def standing(node: Node) -> SafeString:
    """Return the pill of a node from `with_standing`, and its reason on a second line."""
    reason = standing_reason(node)
    return format_html(
        '<span class="wg-two">{}<small class="wg-reason" title="{}">{}</small></span>',
        pill(node.standing, reason),  # type: ignore[attr-defined]  # an annotation
        reason,
        reason,
    )


def flags(node: Node) -> SafeString:
    """Return what an operator has set beside the status, as badges."""
    shown = [("Maintenance", "info", "Takes no new peers")] if node.maintenance else []
    shown += [] if node.enabled else [("Disabled", "default", "Nobody polls it")]
    return format_html_join(" ", "{}", ((badge(*flag),) for flag in shown))


def transport(node: Node) -> SafeString:
    """Return how the agent is reached: in green the pin that it is known by, else in red."""
    if not node.agent_url.startswith("https://"):
        return badge("plain HTTP", "danger", "Whoever is on the way can read along")
    if not node.tls_pin:
        return badge(
            "TLS, no pin", "danger", "The agent cannot be told from others: nobody asks it"
        )
    waiting = f"; {node.next_tls_pin} may follow" if node.next_tls_pin else ""
    text = f"TLS, pinned {node.tls_pin[:SHOWN_KEY_CHARACTERS]}…"
    return badge(text, "success", f"{node.tls_pin}{waiting}")


def interface_state(state: str) -> SafeString:
    return badge(state, INTERFACE_TONES.get(state, "default"))


def badge(text: str, tone: str = "info", title: str = "") -> SafeString:
    return format_html('<span class="wg-pill wg-{}" title="{}">{}</span>', tone, title, text)


def meter(percent: float | None, caption: str = "") -> SafeString:
    """Return a share of 100 as a number over a small bar."""
    if percent is None:
        return format_html('<span class="wg-quiet" title="{} not measured">–</span>', caption)
    return format_html(
        '<span class="wg-meter wg-{}" title="{} {} %"><span class="wg-figure">{} %</span>'
        '<span class="wg-bar" aria-hidden="true"><i style="width:{}%"></i></span></span>',
        load_tone(percent), caption, f"{percent:.1f}", f"{percent:.0f}", f"{min(percent, 100):.0f}",
    )  # fmt: skip


def percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f} %"


def words(name: str | None) -> str:
    """Return a name of the protocol as words: `in_sync` is `in sync`."""
    return (name or "–").replace("_", " ")


def load_tone(percent: float) -> str:
    if percent >= FULL_PERCENT:
        return "danger"
    return "warning" if percent >= BUSY_PERCENT else "success"


def share(part: int, whole: int) -> SafeString:
    """Return `38 / 250` over a small bar."""
    percent = 100 * part / whole if whole else 0
    return format_html(
        '<span class="wg-meter wg-{}" title="{} of {}"><span class="wg-figure">{} / {}</span>'
        '<span class="wg-bar" aria-hidden="true"><i style="width:{}%"></i></span></span>',
        load_tone(percent), part, whole, part, whole, f"{min(percent, 100):.0f}",
    )  # fmt: skip


def score(load: Load, longest: float = HIGHEST_BAR) -> SafeString:
    """Return a score over a bar of its parts, with the reasons in words on hovering."""
    parts = load.score
    return format_html(
        '<span class="wg-meter" title="{}"><span class="wg-figure">{}</span>{}</span>',
        "; ".join(load.words), f"{parts.total:.2f}", score_bar(parts, longest),
    )  # fmt: skip


def score_bar(parts: Score, longest: float) -> SafeString:
    """Return the parts of a score one after the other, as shares of `longest`."""
    scale = max(longest, parts.total) or 1
    widths = [("base", parts.base), ("cpu", parts.cpu), ("memory", parts.memory)]
    return format_html(
        '<span class="wg-parts" aria-hidden="true">{}</span>',
        format_html_join(
            "",
            '<i class="wg-part-{}" style="width:{}%"></i>',
            ((name, f"{100 * part / scale:.1f}") for name, part in widths if part),
        ),
    )


def short_key(key: str | None) -> SafeString:
    """Return a public key shortened; a click copies it whole (`data-copy`)."""
    if not key:
        return format_html('<span class="wg-quiet">{}</span>', "–")
    return format_html(
        '<button type="button" class="wg-key" data-copy="{}" title="{} (click to copy)"'
        ' aria-label="Copy the public key {}"><code>{}…</code></button>',
        key, key, key, key[:SHOWN_KEY_CHARACTERS],
    )  # fmt: skip


def skew(milliseconds: int | None) -> str:
    """Return by how much a node's clock is ahead of ours (+) or behind (-)."""
    return "–" if milliseconds is None else f"{milliseconds / 1000:+.1f} s"


def counts(totals: Totals) -> SafeString:
    """Return how many nodes there are, and how many of each standing, as coloured numbers."""
    pills = (
        (part.status.tone, f"{part.count} {part.status.label.lower()}") for part in totals.slices
    )
    return format_html(
        '<span class="wg-counts"><b>{}</b> {}</span>',
        totals.nodes,
        format_html_join(" ", '<span class="wg-pill wg-{}">{}</span>', pills),
    )
