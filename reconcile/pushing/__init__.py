"""Desired state on its way to nodes: what is due, who may push it, what came of it."""
