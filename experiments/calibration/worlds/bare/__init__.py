"""A world with nothing to do."""
