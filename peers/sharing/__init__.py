"""Links by which somebody without an account takes the file of one peer."""
