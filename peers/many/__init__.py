"""The same done to many peers at once."""
