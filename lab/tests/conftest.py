"""A running panel, and nodes of a fleet that it knows."""

import pytest

from lab import by_panel
from lab.demo import LAB_NETWORKS
from lab.fixtures import NEEDS, require
from lab.fleet import Fleet
from lab.manage import manage
from lab.panel import Panel
from lab.rest import Rest
from wgpanel import secret_files


@pytest.fixture(scope="module")
def panel(tmp_path_factory, unused_tcp_port_factory):
    """Web, workers, beat and Valkey, ready."""
    state = tmp_path_factory.mktemp("panel")
    secret_files.create_missing(state)
    manage(state, "migrate")
    manage(state, "ensure_admin")
    environment = {"WGPANEL_PLAIN_HTTP_NETWORKS": LAB_NETWORKS}
    with Panel(state, unused_tcp_port_factory(), environment) as panel:
        panel.wait_until_ready()
        yield panel


@pytest.fixture(scope="module")
def rest(panel):
    return Rest(panel.url, panel.state_dir)


@pytest.fixture(scope="module")
def nodes(tmp_path_factory, rest):
    """Three nodes online in the panel, asked over TLS, one client on each."""
    require(NEEDS["lab"]())
    folder = tmp_path_factory.mktemp("fleet")
    with Fleet(folder, groups=("Europe",) * 3, clients=3, tls=True) as fleet:
        fleet.wait_for_handshakes()
        for node in fleet.nodes:
            rest.enlist(node)
        for node in fleet.nodes:
            rest.wait(node, 30, lambda told: told["status"] == "online")
        yield fleet.nodes


@pytest.fixture(scope="module")
def managed(tmp_path_factory, rest):
    """Two nodes of the group Europe with a wg0 from the panel, and six clients without a peer."""
    require(NEEDS["lab"]())
    group = rest.call("POST", "groups/", {"name": "Europe"}, 201)["id"]
    folder = tmp_path_factory.mktemp("managed")
    with Fleet(folder, groups=("Europe", "Europe"), clients=6, by_hand=False) as fleet:
        for node in fleet.nodes:
            rest.enlist(node, group=group)
        for node in fleet.nodes:
            rest.wait(node, 30, lambda told: told["status"] == "online")
        by_panel.give_interfaces(rest, fleet)
        yield fleet
