"""The machine: the programs that are run on it and what it says of itself."""
