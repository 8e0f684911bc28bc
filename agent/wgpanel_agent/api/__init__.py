"""The agent's HTTP API: sockets, strict reading, the gate, routes and their handlers."""
