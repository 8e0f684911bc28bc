"""Ask every enabled node once, many at the same time, and say in words who does not answer."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from django.db import connection

from nodes.calling.client import AgentError, test_connection
from nodes.models import Node
from wgpanel.diagnosis import Finding

AT_ONCE = 32


def examine() -> Iterator[Finding]:
    nodes = list(Node.objects.filter(enabled=True).order_by("name"))
    with ThreadPoolExecutor(AT_ONCE) as threads:
        yield from threads.map(_asked, nodes)


def _asked(node: Node) -> Finding:
    name = f"node {node.name}"
    try:
        answer = test_connection(node)
    except AgentError as error:
        advice = "`wgpanel-agent doctor` on the node"
        return Finding(name, problem=error.sentence.rstrip("."), advice=advice)
    finally:
        connection.close()  # this thread's own
    return Finding(name, f"answers, clock {answer.clock_skew_ms:+} ms")
