import pytest

from lab.errors import LabError
from lab.plan import MAX_HOSTS, plan_fleet


def test_nodes_are_named_after_their_group_and_counted_in_it() -> None:
    plan = plan_fleet(["Europe", "South America", "Europe"], clients=0)

    assert [node.name for node in plan.nodes] == ["europe-1", "south-america-1", "europe-2"]


def test_clients_go_round_the_nodes() -> None:
    plan = plan_fleet(["a", "b"], clients=3)

    assert [client.node.host for client in plan.clients] == ["n1", "n2", "n1"]


def test_no_tunnel_address_is_given_twice() -> None:
    plan = plan_fleet(["a", "b", "c"], clients=100)

    servers = [address for node in plan.nodes for address in node.addresses(1)]
    clients = [address.split("/")[0] for c in plan.clients for address in c.interface_addresses()]
    assert len(set(servers + clients)) == 2 * (3 + 100)


def test_a_clients_addresses_lie_in_the_pools_of_its_node() -> None:
    (client,) = plan_fleet(["a"], clients=1).clients

    assert client.interface_addresses() == ("10.77.1.2/32", "fd77:0:0:1::2/128")


def test_hosts_stand_side_by_side_in_the_underlay() -> None:
    plan = plan_fleet(["a", "b"], clients=1)

    assert [plan.position(host) for host in ("n1", "n2", "c1")] == [2, 3, 4]


@pytest.mark.parametrize("groups", [[], ["a"] * (MAX_HOSTS + 1)])
def test_a_fleet_without_a_node_or_larger_than_its_network_is_refused(groups: list[str]) -> None:
    with pytest.raises(LabError):
        plan_fleet(groups, clients=0)


def test_clients_below_zero_are_refused() -> None:
    with pytest.raises(LabError):
        plan_fleet(["a", "b"], clients=-1)
