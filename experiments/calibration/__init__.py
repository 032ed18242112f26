"""The labelled corpus, and how often the monitors are right on it."""
