"""Fixtures that every ring may use."""

pytest_plugins = ["lab.fixtures", "accounts.tests.fixtures"]
