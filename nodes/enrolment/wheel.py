"""The agent as a wheel, packed from what is installed here (PyPA's binary distribution format 1.0).

The node then gets the version that this panel was tested with, and no build tool is needed to serve
it. The same files give the same bytes.
"""

import hashlib
import io
import zipfile
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

PACKAGE, DISTRIBUTION = "wgpanel_agent", "wgpanel-agent"
WHEEL = "Wheel-Version: 1.0\nGenerator: wgpanel\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
LONG_AGO = (2000, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Wheel:
    name: str
    content: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


@cache
def agent_wheel() -> Wheel:
    """Raises PackageNotFoundError where the agent is not installed beside the panel."""
    version = metadata.version(DISTRIBUTION)
    files = {**_modules(), **_information(f"{PACKAGE}-{version}.dist-info")}
    return Wheel(f"{PACKAGE}-{version}-py3-none-any.whl", _packed(files))


def _modules() -> dict[str, bytes]:
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise metadata.PackageNotFoundError(DISTRIBUTION)
    folder = Path(spec.origin).parent
    found = sorted(folder.rglob("*.py"))
    return {str(path.relative_to(folder.parent)): path.read_bytes() for path in found}


def _information(folder: str) -> dict[str, bytes]:
    told = metadata.distribution(DISTRIBUTION)
    texts = {name: told.read_text(name) or "" for name in ("METADATA", "entry_points.txt")}
    return {f"{folder}/{name}": text.encode() for name, text in {**texts, "WHEEL": WHEEL}.items()}


def _packed(files: dict[str, bytes]) -> bytes:
    record = next(name for name in files if name.endswith("/WHEEL")).replace("WHEEL", "RECORD")
    lines = "\n".join([*_lines(files), f"{record},,", ""])
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {**files, record: lines.encode()}.items():
            archive.writestr(zipfile.ZipInfo(name, LONG_AGO), content)
    return packed.getvalue()


def _lines(files: dict[str, bytes]) -> Iterator[str]:
    for name, content in files.items():
        digest = urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        yield f"{name},sha256={digest},{len(content)}"
