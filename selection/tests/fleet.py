"""A fleet as large as wanted, made by the database itself, for query plans and benchmarks."""

from django.db import connection

from nodes.models import Node
from selection.tests.builders import make_idle_node

RANDOM_ID = {"postgresql": "gen_random_uuid()", "sqlite": "lower(hex(randomblob(16)))"}
NUMBERED = """
    WITH RECURSIVE k(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM k WHERE i < %s)
    INSERT INTO nodes_node ({columns}) SELECT {values} FROM k, nodes_node p WHERE p.name = %s"""


def make_many_nodes(count: int, **pattern: object) -> Node:
    """Add `count` nodes like `pattern`, differing in load; a tenth is in its group. Return it."""
    node = make_idle_node(name="pattern", health_json=None, **{"max_peers": 1_000_000, **pattern})
    columns = [field.column for field in Node._meta.local_concrete_fields if not field.generated]
    different = {
        "id": RANDOM_ID[connection.vendor],
        "name": "'n' || k.i",
        "active_peers": "k.i * 1009 %% 999983",
        "cpu_percent": "k.i %% 101",
        "memory_percent": "k.i %% 97",
        "group_id": "CASE WHEN k.i %% 10 = 0 THEN p.group_id END",
    }
    values = [different.get(column, f"p.{column}") for column in columns]
    with connection.cursor() as cursor:
        sql = NUMBERED.format(columns=", ".join(columns), values=", ".join(values))
        cursor.execute(sql, [count, node.name])
        cursor.execute("ANALYZE")
    return node
