"""Finding drift: the three sides of an interface, compared."""
