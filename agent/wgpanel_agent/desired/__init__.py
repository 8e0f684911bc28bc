"""Desired state: what is accepted into the journal, and how an interface gets and stays there."""
