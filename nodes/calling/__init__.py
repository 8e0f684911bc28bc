"""Calling agents: to checked addresses, by pinned certificates, signed both ways."""
