"""Draws a world of research/debug."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sandbox.files import FileSpec
from tasks.suite.research.debug.environment import sources
from tasks.world import World, subseed

#: level -> training, development and held-out rows.
ROWS: Final = {"L0": (600, 300, 1_000)}


@dataclass(frozen=True, slots=True)
class Hidden:
    """What the grader knows: the world, and the inputs that its trainer's parts are tested on."""

    drawn: sources.Drawn
    public: Mapping[str, Any]
    fresh: Mapping[str, Any]


def draw(seed: bytes, level: str, arm: str) -> World:
    """The world of a seed; the task has only the arm ``plain``."""
    drawn = sources.draw(_number(seed, "world"), ROWS[level])
    public, fresh = (sources.cases(_number(seed, name), drawn) for name in ("public", "fresh"))
    files = tuple(FileSpec(path, content) for path, content in sources.files(drawn, public).items())
    return World(files, hidden=Hidden(drawn, public, fresh))


def _number(seed: bytes, purpose: str) -> int:
    return int.from_bytes(subseed(seed, purpose))
