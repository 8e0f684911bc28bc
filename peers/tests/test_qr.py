"""A QR code holds the very file; one that cannot be is refused in words."""

import pytest

from peers.configuration import qr
from peers.configuration.client_conf import render
from peers.tests.codes import decode, modules_of
from peers.tests.test_client_conf import FULL, make_conf


def make_long_conf(networks):
    """Return a file with so many routes, as a split tunnel has them."""
    return make_conf(
        **FULL, allowed_ips=[f"198.51.{n // 16}.{n % 16 * 16}/28" for n in range(networks)]
    )


@pytest.mark.parametrize("networks", [1, 69, 110, 130])
def test_a_decoder_reads_the_very_bytes_of_the_file(networks):
    conf = make_long_conf(networks)
    assert decode(modules_of(qr.of_conf(conf).svg)) == render(conf).encode()


def test_four_modules_around_a_code_are_quiet():
    rows = modules_of(qr.of_text("wg").svg)
    edge = [*rows[:4], *rows[-4:], *([row[:4] + row[-4:] for row in rows])]
    assert not any(dark for row in edge for dark in row)
    assert rows[4][4:11] == [True] * 7


def test_up_to_2953_bytes_there_is_a_code_and_above_a_refusal_with_both_numbers():
    assert qr.of_text("x" * 2953).version == 40
    with pytest.raises(qr.NoQrCode, match="2954 of 2953 bytes"):
        qr.of_text("x" * 2954)


def test_a_file_with_162_routes_is_whole_without_its_code():
    conf = make_long_conf(162)
    assert len(render(conf)) > qr.MOST_BYTES
    with pytest.raises(qr.NoQrCode, match="Too long"):
        qr.of_conf(conf)


def test_a_dense_code_comes_with_a_warning():
    assert qr.of_conf(make_conf(**FULL)).warning == ""
    assert "may not read it" in qr.of_conf(make_long_conf(110)).warning


def test_a_file_without_its_private_key_has_no_code():
    with pytest.raises(qr.NoQrCode, match="private key"):
        qr.of_conf(make_conf(private_key=None))
