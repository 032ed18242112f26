"""Explains words of the harbour."""

CAPABILITIES = ()
WORDS = {"berth": "a place to moor", "quay": "a wall to moor at", "seal": "a mark on closed cargo"}


def run(argument):
    """What a word means."""
    return WORDS[argument]
