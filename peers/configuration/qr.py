"""A client's file as a QR code (ISO/IEC 18004), made here and drawn as SVG."""

from dataclasses import dataclass

import segno

from peers.configuration.client_conf import ClientConf, render

MOST_BYTES = 2953  # version 40, level L, byte mode
# from here on cameras of telephones need a large, sharp picture
DENSE_VERSION = 25
MODULE_PIXELS = 4
QUIET_MODULES = 4


class NoQrCode(Exception):
    """There is no QR code of this file; the text says why. The file itself is not affected."""


@dataclass(frozen=True, slots=True)
class QrCode:
    """An `<svg>` element for a page, and the version, 1 to 40, which tells how dense it is."""

    svg: str
    version: int

    @property
    def warning(self) -> str:
        """Why a telephone may not read it; empty when it should."""
        if self.version <= DENSE_VERSION:
            return ""
        return "This code is dense: a telephone may not read it. Take the file or the link instead."


def of_conf(conf: ClientConf) -> QrCode:
    """Return the code of the very bytes of the file; raise NoQrCode without the private key."""
    if not conf.is_complete:
        raise NoQrCode("There is no QR code: the panel does not hold the private key.")
    return of_text(render(conf))


def of_text(text: str) -> QrCode:
    """Return the smallest code, at the highest level of correction that it has room for.

    Raises NoQrCode for more than MOST_BYTES.
    """
    raw = text.encode()
    if len(raw) > MOST_BYTES:
        raise NoQrCode(f"Too long for a QR code: {len(raw)} of {MOST_BYTES} bytes.")
    code = segno.make_qr(raw, error="L", mode="byte")
    svg = code.svg_inline(
        scale=MODULE_PIXELS,
        border=QUIET_MODULES,
        unit="px",
        light="#fff",
        svgclass="qr",
        title="QR code of the configuration",
    )
    return QrCode(svg=svg, version=int(code.version))
