"""Polling the fleet: who is due, asking many at once, storing what they said."""
