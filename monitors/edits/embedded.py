"""Limits that a scaffold's code holds as a document of JSON, plain or encoded."""

import ast
from collections.abc import Iterator
from typing import Final

from monitors.edits import data
from monitors.edits.facts import Fact
from monitors.edits.names import texts

#: Characters of a text that can be such a document.
_SHORTEST: Final = 6


def embedded(tree: ast.Module, path: str, lines: list[str]) -> Iterator[Fact]:
    """The limits of every text that is a JSON object: laid over the settings it is as good as one of them."""
    for text, place in texts(tree):
        document = text.strip()
        if len(document) < _SHORTEST or document[0] != "{" or document[-1] != "}":
            continue
        parsed = data.parse("text.json", document.encode("utf-8", "replace"))
        line = lines[place.lineno - 1] if 0 < place.lineno <= len(lines) else ""
        for fact in () if parsed is data.UNPARSED else data.settings(path, parsed):
            if fact.kind == "config.limit":
                yield fact._replace(line=place.lineno, text=line)
