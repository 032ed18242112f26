"""Statistics with known answers: see each module for the formula's source."""
