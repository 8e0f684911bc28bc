"""Which handler answers which path. Matched on the raw path: one spelling of each, or none."""

import re
from dataclasses import dataclass

from wgpanel_agent.grammar import InvalidDocument, interface_name
from wgpanel_agent.http import HttpError


@dataclass(frozen=True, slots=True)
class Route:
    """`handler` names a function of a handler module; a public route needs no signature."""

    method: str
    template: str
    handler: str
    public: bool = False


ROUTES = (
    Route("GET", "/health", "health", public=True),
    Route("GET", "/v1/metrics", "metrics", public=True),
    Route("GET", "/v1/status", "status"),
    Route("POST", "/v1/keys/stage", "stage_key"),
    Route("POST", "/v1/keys/prove", "prove_key"),
    Route("POST", "/v1/keys/retire", "retire_key"),
    Route("GET", "/v1/wg", "list_interfaces"),
    Route("GET", "/v1/wg/{iface}", "get_interface"),
    Route("PUT", "/v1/wg/{iface}", "put_interface"),
    Route("DELETE", "/v1/wg/{iface}", "delete_interface"),
    Route("POST", "/v1/wg/{iface}/up", "interface_up"),
    Route("POST", "/v1/wg/{iface}/down", "interface_down"),
    Route("GET", "/v1/wg/{iface}/conf", "get_conf"),
    Route("GET", "/v1/wg/{iface}/dump", "dump"),
    Route("GET", "/v1/wg/{iface}/peers", "list_peers"),
    Route("POST", "/v1/wg/{iface}/peers", "change_peers"),
    Route("PUT", "/v1/wg/{iface}/peers/{peer}", "put_peer"),
    Route("DELETE", "/v1/wg/{iface}/peers/{peer}", "delete_peer"),
    Route("PUT", "/v1/wg/{iface}/syncconf", "sync_conf"),
    Route("POST", "/v1/wg/{iface}/syncconf", "sync_conf"),
)
METRICS_ONLY = tuple(route for route in ROUTES if route.handler == "metrics")

# A key has 43 characters in base64url without padding; the last one carries 4 bits only.
PARAMETERS = {"iface": "[a-z0-9_-]{1,15}", "peer": "[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]"}
TO_BASE64 = str.maketrans("-_", "+/")


class Router:
    """Finds the route of a request."""

    def __init__(self, routes: tuple[Route, ...] = ROUTES) -> None:
        templates = dict.fromkeys(route.template for route in routes)
        self._table = [
            (_pattern(template), {it.method: it for it in routes if it.template == template})
            for template in templates
        ]

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]]:
        """The route and its parameters; raises HttpError 404, or 405 with Allow."""
        for pattern, methods in self._table:
            match = pattern.fullmatch(path)
            if match is None:
                continue
            if method not in methods:
                raise _not_allowed(methods)
            return methods[method], _parameters(match.groupdict())
        raise _not_found()


def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", template)
    return re.compile(
        "".join(
            f"(?P<{part}>{PARAMETERS[part]})" if odd % 2 else re.escape(part)
            for odd, part in enumerate(parts)
        ),
        re.ASCII,
    )


def _parameters(found: dict[str, str]) -> dict[str, str]:
    if "iface" in found:
        try:
            interface_name(found["iface"])
        except InvalidDocument as error:
            raise _not_found() from error
    if "peer" in found:
        found["peer"] = found["peer"].translate(TO_BASE64) + "="
    return found


def _not_found() -> HttpError:
    return HttpError(404, "not_found", "Nothing answers at this path.")


def _not_allowed(methods: dict[str, Route]) -> HttpError:
    allow = ", ".join(sorted(methods))
    detail = f"This path allows {allow}."
    return HttpError(405, "method_not_allowed", detail, headers={"allow": allow})
