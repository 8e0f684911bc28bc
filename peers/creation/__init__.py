"""Creating peers: wishes are checked, a place is found, rows and desired state follow."""
