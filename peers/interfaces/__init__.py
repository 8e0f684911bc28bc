"""Interfaces as the panel makes, changes and shows them."""
