"""The keys shared with the panel."""
