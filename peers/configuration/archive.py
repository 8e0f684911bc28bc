"""Many files as one zip, written while it is sent: never more than one batch is in memory.

An index lists every peer, also one that has no file, with the reason. Its cells cannot be formulas
of a spreadsheet (CWE-1236).
"""

import csv
import io
import uuid
import zipfile
from collections.abc import Iterator, Sequence
from typing import Any

from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from peers.configuration import delivery
from peers.configuration.client_conf import NoClientConf
from peers.configuration.file_names import unique_names
from peers.models import Peer
from peers.querysets import PeerQuerySet

INDEX = "index.csv"
COLUMNS = ("name", "file", "interface", "addresses", "public key", "note")
_BATCH = 200
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_OWNER_ONLY = 0o600 << 16


class _Outlet(io.RawIOBase):
    """Where the zip is written to; `drain` gives what came in since."""

    def __init__(self) -> None:
        self._written = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        self._written += data
        return len(data)

    def drain(self) -> bytes:
        written = bytes(self._written)
        self._written.clear()
        return written


def stream(peers: PeerQuerySet) -> Iterator[bytes]:
    """Yield a zip of the files of `peers` and its index; each file in it is noted as delivered."""
    outlet, rows = _Outlet(), io.StringIO()
    index = csv.writer(rows, lineterminator="\r\n")  # RFC 4180
    index.writerow(COLUMNS)
    names = unique_names(peers.values_list("pk", "name"))
    with zipfile.ZipFile(outlet, "w", zipfile.ZIP_DEFLATED) as archive:
        for batch in _batches(peers, list(names)):
            index.writerows(_add(archive, batch, names))
            yield outlet.drain()
        archive.writestr(_entry(INDEX), rows.getvalue())
    yield outlet.drain()


def _batches(peers: PeerQuerySet, pks: Sequence[uuid.UUID]) -> Iterator[list[Peer]]:
    rows = peers.select_related("interface__node").prefetch_related("addresses__interface")
    rows = rows.defer("interface__node__health_json", "interface__node__secret")
    for start in range(0, len(pks), _BATCH):
        yield list(rows.filter(pk__in=pks[start : start + _BATCH]))


@sensitive_variables()
def _add(
    archive: zipfile.ZipFile, peers: Sequence[Peer], names: dict[uuid.UUID, str]
) -> list[list[str]]:
    """Write the files of a batch and return its rows of the index."""
    rows, delivered = [], []
    for peer in peers:
        try:
            file = delivery.file_of(peer)
        except NoClientConf as reason:
            rows.append(_row(peer, "", str(reason)))
            continue
        archive.writestr(_entry(names[peer.pk]), file.text)
        delivered.append(peer)
        note = "" if file.conf.is_complete else "Write the private key of the device into the file."
        rows.append(_row(peer, names[peer.pk], note))
    delivery.note_delivered(delivered)
    return rows


def _entry(name: str) -> zipfile.ZipInfo:
    """A file that its owner alone may read, dated now in UTC: a zip knows no zone."""
    entry = zipfile.ZipInfo(name, timezone.now().timetuple()[:6])
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = _OWNER_ONLY
    return entry


def _row(peer: Peer, file: str, note: str) -> list[str]:
    addresses = " ".join(str(address.ip) for address in peer.addresses.all())
    cells = [peer.name, file, str(peer.interface), addresses, peer.public_key, note]
    return [cell_of(text) for text in cells]


def cell_of(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text
