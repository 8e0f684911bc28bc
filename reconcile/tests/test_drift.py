"""Comparing desired, running and on disk."""

import pytest

from reconcile.checks.drift import InterfaceView, Item, PeerView, View, compare, confirmed

NOW = 1_767_225_600.0
WG0 = InterfaceView(51820, ("10.0.0.1/24",), public_key="server")
A = PeerView(("10.0.0.2/32", "fd00::2/128"), 25, "f1")


def view(interface=WG0, **peers) -> View:
    return View(interface, peers)


def differences(desired: View, running: View, on_disk: View | None = None) -> list[tuple]:
    found = compare(desired, running, on_disk, NOW)
    return [(item.kind, item.public_key, item.field) for item in found]


def test_what_is_equal_does_not_drift():
    assert differences(view(a=A), view(a=A), view(a=A)) == []


def test_a_peer_that_does_not_run_is_missing():
    assert differences(view(a=A), view()) == [("missing", "a", None)]


def test_a_peer_that_nobody_wants_is_unknown():
    assert differences(view(), view(a=A)) == [("unknown", "a", None)]


@pytest.mark.parametrize(
    ("other", "field"),
    [
        (PeerView(("10.0.0.9/32",), 25, "f1"), "allowed_ips"),
        (PeerView(A.allowed_ips, None, "f1"), "keepalive"),
        (PeerView(A.allowed_ips, 25, None), "preshared_key"),
        (PeerView(A.allowed_ips, 25, "f2"), "preshared_key"),
    ],
)
def test_each_field_of_a_peer_is_compared(other, field):
    assert differences(view(a=A), view(a=other)) == [("mismatched", "a", field)]


def test_the_order_of_addresses_is_none_of_ours():
    assert differences(view(a=A), view(a=PeerView(A.allowed_ips[::-1], 25, "f1"))) == []


@pytest.mark.parametrize(
    ("other", "field"),
    [
        (InterfaceView(1, WG0.addresses, public_key="server"), "listen_port"),
        (InterfaceView(51820, ("10.9.0.1/24",), public_key="server"), "addresses"),
        (InterfaceView(51820, WG0.addresses, public_key="another"), "public_key"),
        (InterfaceView(51820, WG0.addresses, fwmark=7, public_key="server"), "fwmark"),
    ],
)
def test_each_field_of_an_interface_is_compared(other, field):
    assert differences(view(), view(other)) == [("interface", None, field)]


def test_what_is_left_to_the_system_does_not_drift():
    other = InterfaceView(51820, WG0.addresses, mtu=1420, table="off", public_key="server")
    assert differences(view(), view(other), view(other)) == []


def test_an_mtu_that_is_wanted_is_compared():
    wanted = InterfaceView(51820, WG0.addresses, mtu=1380, public_key="server")
    assert differences(view(wanted), view()) == [("interface", None, "mtu")]


def test_an_interface_that_is_down_is_one_difference():
    assert differences(view(a=A), View(None)) == [("interface", None, "status")]


def test_a_file_that_is_missing_is_one_difference():
    assert differences(view(a=A), view(a=A), View(None)) == [("interface", None, "conf")]


def test_the_file_is_compared_by_itself():
    old = view(a=PeerView(A.allowed_ips, None, "f1"), b=A)
    found = differences(view(a=A, c=A), view(a=A, c=A), old)
    assert set(found) == {
        ("mismatched", "a", "conf.keepalive"),
        ("unknown", "b", "conf"),
        ("missing", "c", "conf"),
    }


@pytest.mark.parametrize("running", [{}, {"a": A}])
def test_who_has_expired_may_be_gone_or_not(running):
    expired = PeerView(A.allowed_ips, 25, "f1", expires_at=int(NOW))
    assert differences(view(a=expired), view(**running)) == []


def test_who_expires_later_is_wanted():
    later = PeerView(A.allowed_ips, 25, "f1", expires_at=int(NOW) + 1)
    assert differences(view(a=later), view()) == [("missing", "a", None)]


def test_an_item_says_both_values():
    (item,) = compare(view(a=A), view(a=PeerView(A.allowed_ips, 5, "f1")), None, NOW)
    assert (item.desired, item.observed) == (25, 5)
    assert Item.parse(item.as_json()) == item


def test_the_identity_of_an_item_changes_with_what_was_found():
    items = [Item("mismatched", "a", "keepalive", 25, observed) for observed in (5, 5, 6)]
    assert items[0].identity == items[1].identity != items[2].identity


def test_only_what_two_looks_found_is_confirmed():
    both, once = Item("missing", "a"), Item("missing", "b")
    assert confirmed([both, once], [both]) == [both]
    assert confirmed([], [both]) == []
