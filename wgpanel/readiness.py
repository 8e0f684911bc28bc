"""Tell the service manager that a process does its work, as sd_notify(3) describes.

gunicorn tells it by itself; Celery does not.
"""

import os
import socket


def ready() -> None:
    """Say so once; nothing where nobody listens."""
    address = os.environ.pop("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):  # the abstract namespace of unix(7)
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as to_manager:
        to_manager.connect(address)
        to_manager.sendall(b"READY=1")
