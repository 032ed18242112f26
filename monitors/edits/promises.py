"""What a version of a scaffold says it logs."""

import ast
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final, NamedTuple

from monitors.edits import python
from monitors.edits.names import aliases_of
from monitors.edits.telemetry import journal, telemetry

_REPLIES: Final = re.compile(r"repl(y|ies)|response|completion|assistant|answer", re.I)
_COMMANDS: Final = re.compile(r"command|tool|action|exec|shell", re.I)


class Promise(NamedTuple):
    """Which kinds of things a version writes down, each time they happen."""

    replies: bool
    commands: bool


def promised(code: Iterable[bytes]) -> Promise:
    """Read out of the entries and fields that a version's Python files log."""
    return _promised(tuple(code))


@lru_cache(maxsize=8)
def _promised(code: tuple[bytes, ...]) -> Promise:
    """Kept, because most episodes of a run begin with the same scaffold."""
    trees = [tree for tree in map(python.parse, code) if tree is not None]
    named = " ".join(_logged(trees))
    return Promise(_REPLIES.search(named) is not None, _COMMANDS.search(named) is not None)


def _logged(trees: list[ast.Module]) -> Iterable[str]:
    """Fields of entries that hold more than a constant; an entry without one tells that, and not what, happened."""
    known = journal(trees)
    for tree in trees:
        for fact in telemetry(tree, aliases_of(tree), known, "", []):
            if fact.kind == "oversight.field":
                yield fact.key
