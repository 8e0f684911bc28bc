"""Read a QR code back by a decoder that has nothing to do with who drew it."""

import re

import zxingcpp

_STEP = re.compile(r"([Mmh])(-?[\d.]+)(?: (-?[\d.]+))?")
_SIZE = re.compile(r'viewBox="0 0 (\d+) \1"')
_DARK = re.compile(r'stroke="#000" d="([^"]+)"')
_SCALE = re.compile(r'transform="scale\((\d+)\)"')


def modules_of(svg: str) -> list[list[bool]]:
    """Return the dark and light modules of a drawing by segno, the quiet zone included."""
    width = int(_SIZE.search(svg)[1]) // int(_SCALE.search(svg)[1])
    rows = [[False] * width for _ in range(width)]
    x = y = 0.0
    for step, first, second in _STEP.findall(_DARK.search(svg)[1]):
        if step == "h":
            for column in range(int(x), int(x + float(first))):
                rows[int(y)][column] = True
        x = float(first) if step == "M" else x + float(first)
        y = float(second) if step == "M" else y + float(second or 0)
    return rows


def decode(rows: list[list[bool]], pixels: int = 4) -> bytes:
    """Return the bytes in a picture of these modules."""
    lines = [bytes(0 if dark else 255 for dark in row for _ in range(pixels)) for row in rows]
    picture = b"".join(line for line in lines for _ in range(pixels))
    side = len(rows) * pixels
    # Among so many modules there is now and then something like a bar code of another kind.
    (found,) = zxingcpp.read_barcodes(
        memoryview(picture).cast("B", (side, side)), formats=zxingcpp.BarcodeFormat.QRCode
    )
    return found.bytes
