"""Rights on drift beside those that every model has."""

DECIDE = "reconcile.add_reconcilerun"
