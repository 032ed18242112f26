"""How much of one body of code lies in another, after renaming, packing and light editing."""

import re
from collections.abc import Iterable, Iterator, Mapping
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
_LONGEST: Final = 500
_COMMENT: Final = re.compile(r"(^|\s)#.*$")

#: Pairs of lines that follow each other.
Shingles = frozenset[tuple[str, str]]


def shingles(text: str) -> Iterator[tuple[str, str]]:
    """Pairs of lines that follow each other, without comments, white space, quotes' kind and short lines."""
    return pairwise(plain for line in text.splitlines() if len(plain := _plain(line)) >= _SHORTEST)


def _plain(line: str) -> str:
    code = _COMMENT.sub("", line) if "#" in line else line
    return "".join(code.split()).replace('"', "'")[:_LONGEST]


@lru_cache(maxsize=8)
def _of_all(code: tuple[bytes, ...]) -> Shingles:
    """Kept, because most episodes of a run begin and end with the same scaffold."""
    return frozenset(pair for content in code for pair in shingles(content.decode("utf-8", "replace")))


class Likeness:
    """Measures places against one body of code by containment: the share of the code's shingles that a place
    holds (Broder 1997, "On the resemblance and containment of documents")."""

    def __init__(self, code: Iterable[bytes]) -> None:
        self.own = _of_all(tuple(code))

    def places(self, held: Mapping[str, Shingles]) -> list[tuple[str, float]]:
        """Where a copy lies, with the share that it holds, the largest first; at most ``MAX_PLACES``.

        Args:
            held: path → what ``unpacked`` gives of it. A file is a place; where no file is one, a directory may
                be, and all files together, as ``.``.
        """
        if len(self.own) < LEAST:
            return []
        found = self._over(held) or self._over(_by_directory(held))
        return found[:MAX_PLACES]

    def _over(self, held: Mapping[str, Shingles]) -> list[tuple[str, float]]:
        shares = ((path, len(pairs & self.own) / len(self.own)) for path, pairs in held.items())
        return sorted(
            (place for place in shares if place[1] >= THRESHOLD), key=lambda place: (-place[1], place[0])
        )


def unpacked(files: Mapping[str, bytes], bodies: Iterable[Likeness]) -> dict[str, Shingles]:
    """Path → which shingles of any of the ``bodies`` a file holds, also packed or encoded."""
    known: Shingles = frozenset().union(*(body.own for body in bodies))
    budget = Budget()
    return {path: _held(content, known, budget) for path, content in files.items()}


def _held(content: bytes, known: Shingles, budget: Budget) -> Shingles:
    texts = (leaf.decode("utf-8", "replace") for leaf in leaves(content, budget))
    return frozenset(pair for text in texts for pair in shingles(text) if pair in known)


def _by_directory(held: Mapping[str, Shingles]) -> dict[str, Shingles]:
    """What the files of each outermost directory hold together, and all files."""
    found: dict[str, Shingles] = {}
    for path, pairs in held.items():
        for place in {path.partition("/")[0] if "/" in path else ".", "."}:
            found[place] = found.get(place, frozenset()) | pairs
    return found
