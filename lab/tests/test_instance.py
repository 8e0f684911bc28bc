import pytest

from lab.instance import INSTANCES, Instance, claim, number_in, try_claim


def test_instances_never_share_a_network() -> None:
    every = [Instance(number) for number in range(INSTANCES)]

    assert len({instance.network4 for instance in every}) == INSTANCES
    assert len({instance.network6 for instance in every}) == INSTANCES


def test_the_last_network_is_still_in_the_benchmark_range() -> None:
    assert str(Instance(INSTANCES - 1).network4) == "198.19.255.0/24"


def test_interface_names_fit_into_fifteen_characters() -> None:
    assert len(Instance(INSTANCES - 1).link("c253")) <= 15


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("wgpanel-lab-7", 7),
        ("wgpanel-lab-7-n1", 7),
        ("wgpl12-br", 12),
        ("wgpanel-lab-scratch", None),
        ("wgpanel-lab-512-n1", None),
        ("wgpanel-lab-7x", None),
        ("xwgpl1-br", None),
        ("eth0", None),
    ],
)
def test_only_our_own_names_carry_a_number(name: str, number: int | None) -> None:
    assert number_in(name) == number


def test_an_instance_has_one_holder_at_a_time() -> None:
    with claim() as held:
        assert try_claim(held.instance.number) is None


def test_two_labs_get_different_instances() -> None:
    with claim() as one, claim() as other:
        assert one.instance != other.instance


def test_an_instance_is_free_again_after_its_holder() -> None:
    with claim() as held:
        number = held.instance.number

    again = try_claim(number)
    assert again is not None
    again.close()
