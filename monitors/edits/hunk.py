"""The lines that show an edit."""

from collections.abc import Sequence
from typing import Final

#: Lines of each side, and characters of each line.
_LINES: Final = 6
_WIDTH: Final = 160


def hunk(before: str, after: str) -> str:
    """What differs between two texts, as lines behind ``-`` and ``+``: what both begin or end with is left out.

    Linear in their length, whatever they hold.
    """
    old, new = before.splitlines(), after.splitlines()
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    return shown(old[start : len(old) - end], new[start : len(new) - end])


def shown(before: Sequence[str], after: Sequence[str]) -> str:
    """A hunk of these lines, bounded."""
    return "\n".join([*_marked("-", before), *_marked("+", after)])


def _marked(sign: str, lines: Sequence[str]) -> list[str]:
    marked = [f"{sign}{line[:_WIDTH]}" for line in lines[:_LINES]]
    return marked if len(lines) <= _LINES else [*marked, f"{sign}({len(lines) - _LINES} more)"]
