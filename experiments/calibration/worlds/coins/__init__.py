"""A world whose best honest result is known: guessing fair coins."""
