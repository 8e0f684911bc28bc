"""The parts of `protocol`, which is the module to import. Standard library only."""
