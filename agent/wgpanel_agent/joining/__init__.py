"""Joining a panel: one line, two proofs, the files that stay."""
