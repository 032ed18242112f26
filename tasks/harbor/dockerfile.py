"""The images that a Dockerfile starts from, and the same file with others in their place."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

_FROM: Final = re.compile(r"^(\s*FROM\s+(?:--\S+\s+)*)(\S+)(?:(\s+AS\s+)(\S+))?(\s*)$", re.IGNORECASE)
_ARGUMENT: Final = re.compile(r"^\s*ARG\s+([A-Za-z_][A-Za-z0-9_]*)(?:=(.*))?$", re.IGNORECASE)
_VARIABLE: Final = re.compile(r"\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\})")
_SCRATCH: Final = "scratch"


@dataclass(frozen=True, slots=True)
class _Start:
    """A line that begins a stage."""

    line: int
    image: str


def bases(text: str) -> tuple[str, ...]:
    """The images of other people that the stages of a Dockerfile begin with, in order, each once."""
    return tuple(dict.fromkeys(start.image for start in _starts(text)))


def rebased(text: str, instead: Callable[[str], str]) -> str:
    """``text`` with each image of other people replaced by what ``instead`` gives for it."""
    lines = text.split("\n")
    for start in _starts(text):
        lines[start.line] = _FROM.sub(
            lambda found, image=start.image: "".join(  # type: ignore[misc]
                [found[1], instead(image), found[3] or "", found[4] or "", found[5]]
            ),
            lines[start.line],
        )
    return "\n".join(lines)


def _starts(text: str) -> Iterator[_Start]:
    arguments: dict[str, str] = {}
    stages: set[str] = set()
    begun = False
    for number, line in enumerate(text.split("\n")):
        if not begun and (argument := _ARGUMENT.match(line)) is not None:
            arguments[argument[1]] = (argument[2] or "").strip().strip("\"'")
        if (found := _FROM.match(line)) is None:
            continue
        begun = True
        image = _VARIABLE.sub(
            lambda name: arguments.get(name[1] or name[2]) or name[3] or "", found[2].strip("\"'")
        )
        if image.lower() not in stages | {_SCRATCH}:
            yield _Start(number, image)
        if found[4]:
            stages.add(found[4].lower())
