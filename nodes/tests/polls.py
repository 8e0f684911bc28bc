"""How tests poll, and how they tell times."""

import datetime as dt

from django.utils import timezone

from nodes.models import Node
from nodes.polls import polling


def poll(*nodes: Node) -> polling.Round:
    """Poll these nodes, and read their rows again."""
    done = polling.poll([node.pk for node in nodes])
    for node in nodes:
        node.refresh_from_db()
    return done


def ago(seconds: float) -> dt.datetime:
    return timezone.now() - dt.timedelta(seconds=seconds)
