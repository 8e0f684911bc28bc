"""The wgpanel agent: reads one WireGuard node, applies what the panel wants, exports metrics."""

__version__ = "1.0.0"
