"""A ``.dockerignore``: what of a build's directory is not in its context.

The engine's own client leaves it out, and a context that is made elsewhere has to.
https://docs.docker.com/build/concepts/context/#dockerignore-files
"""

import re
from collections.abc import Callable
from posixpath import normpath
from typing import Final

_PART: Final = re.compile(r"\*\*/|\*\*|\*|\?|\\.|\[(\^?)((?:\\.|[^]\\])+)\]|.", re.DOTALL)


def ignoring(text: str) -> Callable[[str], bool]:
    """Whether a path, relative to the build's directory, is left out: the last pattern that fits decides.

    A pattern fits what lies below what it names as well; one that begins with ``!`` takes back in.
    """
    rules = []
    for line in text.removeprefix("\ufeff").splitlines():
        pattern = line.strip()
        if not pattern or pattern.startswith("#"):
            continue
        taken_back = pattern.startswith("!")
        named = normpath("/" + pattern.removeprefix("!").strip()).lstrip("/")
        rules.append((re.compile(_expression(named), re.DOTALL), not taken_back))

    def ignored(path: str) -> bool:
        return next((out for rule, out in reversed(rules) if rule.fullmatch(path)), False)

    return ignored


def _expression(pattern: str) -> str:
    """The regular expression of a pattern, and of what lies below it; of one that is none, what it spells."""
    written = "".join(map(_piece, _PART.finditer(pattern)))
    try:
        re.compile(written)
    except re.error:
        written = re.escape(pattern)
    return f"(?:{written})(?:/.*)?"


def _piece(found: re.Match[str]) -> str:
    if found[2] is not None:
        return f"[{found[1]}{found[2]}]"
    known = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return known.get(found[0]) or re.escape(found[0].removeprefix("\\") or found[0])
