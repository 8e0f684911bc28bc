"""What docker/prometheus and docker/grafana hold, and the same for another machine."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

DOCKER = Path(__file__).resolve().parent.parent / "docker"
CONFIGURATION = DOCKER / "prometheus" / "prometheus.yml"
RULES = DOCKER / "prometheus" / "rules.yml"
DASHBOARDS = DOCKER / "grafana" / "dashboards"
SECRETS = "/run/secrets/"
SERIES = re.compile(r"\b(?:up|(?:wgpanel|wireguard)_\w+)\b(?:{[^}]*})?")
LIST = re.compile(r"label_values\((?P<series>.+), (?P<label>\w+)\)")
LABEL = re.compile(r"\$labels\.(\w+)")


def configuration_for(panel: str, secrets: Path, interval: str) -> str:
    """Return the configuration for a panel at ADDRESS:PORT, with its secrets in a folder."""
    text = CONFIGURATION.read_text().replace("http://web:8000/", f"http://{panel}/")
    wanted = yaml.safe_load(text.replace(SECRETS, f"{secrets}/"))
    wanted["global"] = {"scrape_interval": interval, "evaluation_interval": interval}
    wanted["rule_files"] = [str(RULES)]
    own, agents = wanted["scrape_configs"]
    del own["dns_sd_configs"]
    own["static_configs"] = [{"targets": [panel]}]
    agents["http_sd_configs"][0]["refresh_interval"] = interval
    return yaml.safe_dump(wanted)


def dashboards() -> Iterator[dict[str, Any]]:
    yield from (json.loads(path.read_text()) for path in sorted(DASHBOARDS.glob("*.json")))


def expressions(node: str) -> dict[str, str]:
    """Return each query of the dashboards, for one node and all groups: where it stands → it."""
    return {
        f"{board['title']} / {panel['title']} / {target['refId']}": _filled(target["expr"], node)
        for board in dashboards()
        for panel in board["panels"]
        for target in panel.get("targets", ())
    }


def lists(node: str) -> Iterator[tuple[str, str]]:
    """Tell whence the dashboards have what may be chosen above them: series, and their label."""
    for board in dashboards():
        for variable in board["templating"]["list"]:
            found = LIST.fullmatch(variable["query"]["query"])
            if not found:
                raise ValueError(f"{board['title']}: {variable['name']} is no list of labels")
            yield _filled(found["series"], node), found["label"]


def alerts() -> Iterator[dict[str, Any]]:
    for group in yaml.safe_load(RULES.read_text())["groups"]:
        yield from group["rules"]


def series_of(alert: dict[str, Any]) -> set[str]:
    """What it looks at, each without what is reckoned of it: that has to be there at all times."""
    return set(SERIES.findall(alert["expr"]))


def labels_of(alert: dict[str, Any]) -> set[str]:
    """What it names in its words."""
    return set(LABEL.findall(alert["annotations"]["summary"]))


def _filled(expression: str, node: str) -> str:
    values = {"$__rate_interval": "1m", "$group": ".*", "$node": node}
    for variable, value in values.items():
        expression = expression.replace(variable, value)
    return expression
