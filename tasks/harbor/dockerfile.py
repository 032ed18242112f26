"""The images that a Dockerfile starts from or copies from, and the same file with others in their place."""

import platform
import re
from collections.abc import Callable, Iterator
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
    for number, line in enumerate(text.split("\n")):
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


def _filled(image: str, arguments: dict[str, str]) -> str:
    """``image`` with the build's arguments in it."""
    return _VARIABLE.sub(lambda name: arguments.get(name[1] or name[2]) or name[3] or "", image.strip("\"'"))
