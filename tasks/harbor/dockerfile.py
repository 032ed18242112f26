"""The images that a Dockerfile starts from or copies from, and the same file with others in their place.

What is read here has no here-documents left (``lowering.py``).
"""

import platform
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

_FROM: Final = re.compile(
    r"^(?P<before>\s*FROM\s+(?P<flags>(?:--\S+\s+)*))(?P<image>\S+)(?P<after>(?:\s+AS\s+(?P<stage>\S+))?\s*)$",
    re.IGNORECASE,
)
_COPIED: Final = re.compile(
    r"^(?P<before>\s*COPY\s+(?P<flags>(?:--\S+\s+)*?)--from=)(?P<image>\S+)(?P<after>\s.*)$",
    re.IGNORECASE | re.DOTALL,
)
_ARGUMENT: Final = re.compile(r"^\s*ARG\s+([A-Za-z_][A-Za-z0-9_]*)(?:=(.*))?$", re.IGNORECASE)
_VARIABLE: Final = re.compile(r"\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\})")
#: Whatever a step takes from elsewhere, a stage or an image.
_TAKEN: Final = re.compile(r"\bfrom=([^\s,]+)", re.IGNORECASE)
_NUMBERED: Final = re.compile(r"(\s--from=)(\d+)(?=\s)")
#: A platform that BuildKit alone knows the value of: this engine's, which is what goes without saying.
_PLATFORM: Final = re.compile(r"--platform=\S*\$\S*\s+")
_SCRATCH: Final = "scratch"
_HUB: Final = re.compile(r"^(?:(?:index\.)?docker\.io/)?(?:library/)?")


@dataclass(frozen=True, slots=True)
class _Use:
    """A line that names an image of other people."""

    line: int
    image: str
    found: re.Match[str]

    def naming(self, image: str) -> str:
        """The line with another image in its place."""
        return _PLATFORM.sub("", self.found["before"]) + image + self.found["after"]


def bases(text: str) -> tuple[str, ...]:
    """The images of other people that a Dockerfile begins with or copies from, in order, each once."""
    return tuple(dict.fromkeys(use.image for use in _uses(text)))


def rebased(text: str, instead: Callable[[str], str]) -> str:
    """``text`` with each image of other people replaced by what ``instead`` gives for it."""
    lines = text.split("\n")
    for use in _uses(text):
        lines[use.line] = use.naming(instead(use.image))
    return "\n".join(lines)


def needed(text: str) -> str:
    """``text`` without the stages that its last one does not need: BuildKit builds none of those either."""
    lines = text.split("\n")
    begins = [number for number in _instructions(lines) if _FROM.match(lines[number])]
    named = [found for number in begins if (found := _FROM.match(lines[number])) is not None]
    if any("$" in found["image"] for found in named):
        return text
    ends = [*begins[1:], len(lines)]
    kept: set[int] = set()
    wanted = {len(named) - 1} if named else set()
    while wanted:
        at = wanted.pop()
        kept.add(at)
        taken = _TAKEN.findall("\n".join(lines[begins[at] : ends[at]]))
        names = {name.strip("\"'").lower() for name in (named[at]["image"], *taken)}
        before = {place for place in range(at) if {str(place), (named[place]["stage"] or "").lower()} & names}
        wanted |= before - kept
    if len(kept) == len(named):
        return text
    places = {str(old): str(new) for new, old in enumerate(sorted(kept))}
    head = lines[: begins[0]]
    rest = [line for at in sorted(kept) for line in lines[begins[at] : ends[at]]]
    renumbered = [
        _NUMBERED.sub(lambda found: found[1] + places.get(found[2], found[2]), line) for line in rest
    ]
    return "\n".join([*head, *renumbered])


def names_of(image: str) -> tuple[str, ...]:
    """How an image may be called that a Dockerfile calls ``image``: as it does, and as people write it in short."""
    short = _HUB.sub("", image)
    tagged = short if set(":@") & set(short.rpartition("/")[2]) else f"{short}:latest"
    return tuple(dict.fromkeys((image, short, tagged)))


def platform_arguments() -> dict[str, str]:
    """What BuildKit gives to the steps of a build that ask for it: the machine, in its words."""
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    given = {"PLATFORM": f"linux/{machine}", "OS": "linux", "ARCH": machine}
    return {f"{of}{name}": value for of in ("TARGET", "BUILD") for name, value in given.items()}


def _uses(text: str) -> Iterator[_Use]:
    arguments: dict[str, str] = {}
    stages: list[str] = []
    lines = text.split("\n")
    for number in _instructions(lines):
        line = lines[number]
        if not stages and (argument := _ARGUMENT.match(line)) is not None:
            arguments[argument[1]] = (argument[2] or "").strip().strip("\"'")
        if (found := _FROM.match(line)) is not None:
            image = _filled(found["image"], arguments)
            known = image.lower() in {*stages, _SCRATCH}
            stages.append((found["stage"] or f"stage {len(stages)}").lower())
        elif (found := _COPIED.match(line)) is not None:
            image = _filled(found["image"], arguments)
            known = image.lower() in stages or image.isdigit()
        else:
            continue
        if not known:
            yield _Use(number, image, found)


def _instructions(lines: Sequence[str]) -> Iterator[int]:
    """The numbers of the lines that begin an instruction: what goes on from a line before says nothing of images."""
    goes_on = False
    for number, line in enumerate(lines):
        bare = line.strip()
        # A comment or an empty line within an instruction does not end it.
        if bare and not bare.startswith("#"):
            if not goes_on:
                yield number
            goes_on = bare.endswith("\\")


def _filled(image: str, arguments: dict[str, str]) -> str:
    """``image`` with the build's arguments in it."""
    return _VARIABLE.sub(lambda name: arguments.get(name[1] or name[2]) or name[3] or "", image.strip("\"'"))
