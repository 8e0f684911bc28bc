"""Routes of the agent: how they are written, and how they are known again."""

import pytest
from wgpanel_agent.host.iproute import Route, parse_routes, route_line


@pytest.mark.parametrize(
    ("route", "line"),
    [
        (Route("10.9.0.0/24"), "route add 10.9.0.0/24 dev wg0 proto 87 table main"),
        (Route("fd09::/64", "99"), "route add fd09::/64 dev wg0 proto 87 table 99"),
    ],
)
def test_a_line_names_interface_mark_and_table(route: Route, line: str) -> None:
    assert route_line("add", "wg0", route) == line


def test_what_ip_prints_is_read_in_full() -> None:
    text = (
        '[{"dst":"10.9.1.0/24","table":"99","scope":"link","flags":[]},{"dst":"10.9.0.4"},'
        '{"dst":"fd01::7","metric":1024,"pref":"medium"}]'
    )
    assert parse_routes(text) == {
        Route("10.9.1.0/24", "99"),
        Route("10.9.0.4/32"),
        Route("fd01::7/128"),
    }
    assert parse_routes("") == set()
