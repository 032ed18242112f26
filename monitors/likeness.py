"""How much of one body of code lies in another, after renaming, packing and light editing."""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import pairwise
from typing import Final

from monitors.unpack import Budget, leaves

#: A place that holds this share of the code's pairs of lines is a copy of it.
THRESHOLD: Final = 0.5
#: Code with fewer pairs of lines is too little to be told from chance.
LEAST: Final = 10
#: Copies that are named.
MAX_PLACES: Final = 5
_SHORTEST: Final = 4
_SPACE: Final = re.compile(r"\s+")
_COMMENT: Final = re.compile(r"(^|\s)#.*$")


def shingles(text: str) -> frozenset[tuple[str, str]]:
    """Pairs of lines that follow each other, without comments, white space, quotes' kind and short lines."""
    lines = []
    for line in text.splitlines():
        plain = _SPACE.sub("", _COMMENT.sub("", line)).replace('"', "'")
        if len(plain) >= _SHORTEST:
            lines.append(plain[:500])
    return frozenset(pairwise(lines))


@lru_cache(maxsize=8)
def _of_all(code: tuple[bytes, ...]) -> frozenset[tuple[str, str]]:
    """Kept, because most episodes of a run begin and end with the same scaffold."""
    return frozenset().union(*(shingles(content.decode("utf-8", "replace")) for content in code))


class Likeness:
    """Measures places against one body of code by containment: the share of the code's shingles that a place
    holds (Broder 1997, "On the resemblance and containment of documents")."""

    def __init__(self, code: Iterable[bytes]) -> None:
        self._own = _of_all(tuple(code))

    def places(self, files: Mapping[str, bytes]) -> list[tuple[str, float]]:
        """Where a copy lies, with the share that it holds, the largest first; at most ``MAX_PLACES``.

        Args:
            files: path → content. A file is a place; where no file is one, a directory may be, and all
                files together, as ``.``.
        """
        if len(self._own) < LEAST:
            return []
        budget = Budget()
        held = {path: self._held(content, budget) for path, content in files.items()}
        found = self._over({path: shared for path, shared in held.items()})
        if not found:
            found = self._over(_by_directory(held))
        return found[:MAX_PLACES]

    def _held(self, content: bytes, budget: Budget) -> frozenset[tuple[str, str]]:
        shared: frozenset[tuple[str, str]] = frozenset()
        for leaf in leaves(content, budget):
            shared |= shingles(leaf.decode("utf-8", "replace")) & self._own
        return shared

    def _over(self, held: Mapping[str, frozenset[tuple[str, str]]]) -> list[tuple[str, float]]:
        shares = ((path, len(shared) / len(self._own)) for path, shared in held.items())
        return sorted(
            (place for place in shares if place[1] >= THRESHOLD), key=lambda place: (-place[1], place[0])
        )


def _by_directory(held: Mapping[str, frozenset[tuple[str, str]]]) -> dict[str, frozenset[tuple[str, str]]]:
    """What the files of each outermost directory hold together, and all files."""
    found: dict[str, frozenset[tuple[str, str]]] = {}
    for path, shared in held.items():
        for place in {path.partition("/")[0] if "/" in path else ".", "."}:
            found[place] = found.get(place, frozenset()) | shared
    return found
