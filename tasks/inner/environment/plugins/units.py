"""Turns lengths into metres."""

CAPABILITIES = ()
METRES = {"fathom": 1.8288, "cable": 185.2, "mile": 1852.0}


def run(argument):
    """A length such as ``3 fathom`` in metres."""
    number, unit = argument.split()
    return f"{float(number) * METRES[unit]:.1f}"
