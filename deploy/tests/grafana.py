"""What Grafana 12 asks of the files that it is provisioned with, as far as ours go; no Debian has
Grafana, so that it could say so itself."""

from typing import Any

TEXT = {"type": "string", "minLength": 1}
CELL = {"type": "integer", "minimum": 0, "maximum": 500}


def thing(**needed: Any) -> dict[str, Any]:
    """An object with at least these members."""
    return {"type": "object", "required": list(needed), "properties": needed}


SOURCE = thing(type={"const": "prometheus"}, uid=TEXT)
PLACE = thing(x={**CELL, "maximum": 23}, y=CELL, w={**CELL, "minimum": 1, "maximum": 24},
              h={**CELL, "minimum": 1})  # fmt: skip
TARGET = thing(refId=TEXT, expr=TEXT)
PANEL = thing(
    id={"type": "integer", "minimum": 1}, title=TEXT, gridPos=PLACE,
    type={"enum": ["row", "stat", "timeseries", "table", "bargauge", "gauge", "heatmap",
                   "piechart", "state-timeline", "text"]},
)  # fmt: skip
PANEL["properties"] |= {"targets": {"type": "array", "items": TARGET}, "datasource": SOURCE}
VARIABLE = thing(name=TEXT, type={"enum": ["query", "custom", "interval"]})
DASHBOARD = thing(
    uid={**TEXT, "maxLength": 40}, title=TEXT, refresh={"pattern": "^[0-9]+[smh]$"},
    schemaVersion={"type": "integer", "minimum": 36, "maximum": 42},
    time=thing(**{"from": TEXT, "to": TEXT}),
    templating=thing(list={"type": "array", "items": VARIABLE}),
    panels={"type": "array", "items": PANEL, "minItems": 1},
)  # fmt: skip


def file_of(name: str, entry: dict[str, Any]) -> dict[str, Any]:
    """A file of provisioning: its version, and a list."""
    return thing(apiVersion={"const": 1}, **{name: {"type": "array", "items": entry}})


PROVISIONING = {
    "datasources": file_of(
        "datasources",
        thing(name=TEXT, uid=TEXT, type={"const": "prometheus"}, access={"const": "proxy"},
              url={"pattern": "^http://[a-z]+:[0-9]+$"}),
    ),
    "dashboards": file_of(
        "providers", thing(name=TEXT, type={"const": "file"}, options=thing(path=TEXT))
    ),
}  # fmt: skip
