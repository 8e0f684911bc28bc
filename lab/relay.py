"""A way from inside a host to a port of the machine's loopback, where a panel listens.

with relay(node.host.namespace, panel.port):
    node.run("curl", f"http://127.0.0.1:{panel.port}/readyz")
"""

import ctypes
import os
import socket
from concurrent.futures import ThreadPoolExecutor

from lab.namespaces import Namespace
from lab.proxy import LOCALHOST, Proxy

CLONE_NEWNET = 0x40000000  # setns(2)


def relay(namespace: Namespace, port: int) -> Proxy:
    """The same port of loopback, in there and out here."""
    with ThreadPoolExecutor(1) as pool:  # a thread that ends: only it goes in there
        listener = pool.submit(_listen_inside, namespace, port).result()
    return Proxy(LOCALHOST, port, listener=listener)


def _listen_inside(namespace: Namespace, port: int) -> socket.socket:
    """A socket belongs for good to the namespace in which it was made."""
    handle = os.open(namespace.network, os.O_RDONLY)
    try:
        if ctypes.CDLL(None, use_errno=True).setns(handle, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns", str(namespace.network))
    finally:
        os.close(handle)
    return socket.create_server((LOCALHOST, port))
