"""Fixtures that every ring may use."""

pytest_plugins: list[str] = []
