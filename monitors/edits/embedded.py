"""Limits that a scaffold's code holds as a document of JSON or as lines of settings, plain or encoded."""

import ast
import re
from collections.abc import Iterator
from typing import Any, Final

from monitors.edits import data
from monitors.edits.facts import Fact
from monitors.edits.names import texts

#: What stands between settings, and one that gives a number to a name.
_PARTS: Final = re.compile(r"[\n;,&]")
_STATED: Final = re.compile(r"\s*([\w.-]{1,80})\s*[:=]\s*(-?[\d_.]{1,20})\s*")
#: Characters of a text that can be such a document.
_SHORTEST: Final = 6


def embedded(tree: ast.Module, path: str, lines: list[str]) -> Iterator[Fact]:
    """The limits of every text that is such a document: laid over the settings it is as good as they are."""
    for text, place in texts(tree):
        line = lines[place.lineno - 1] if 0 < place.lineno <= len(lines) else ""
        for fact in data.settings(path, _document(text.strip())):
            if fact.kind == "config.limit":
                yield fact._replace(line=place.lineno, text=line)


def _document(text: str) -> Any:
    """The settings that a text states; none if it is no such text."""
    if len(text) < _SHORTEST:
        return {}
    if text[0] == "{" and text[-1] == "}":
        parsed = data.parse("text.json", text.encode("utf-8", "replace"))
        return {} if parsed is data.UNPARSED else parsed
    stated = [_STATED.fullmatch(part) for part in _PARTS.split(text) if part.strip()]
    return {found[1]: found[2] for found in stated if found} if all(stated) else {}
