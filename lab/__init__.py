"""A real WireGuard fleet in a box: network namespaces, wireguard-go, agents, clients.

Every host of a lab is a network and a mount namespace of its own. All that a lab makes on the
machine carries its instance number (see `instance.py`) and disappears with it.
"""
