"""Draws a world of research/debug: at L0 one file with one wrong part, from L1 on a repository with several."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sandbox.files import FileSpec, read_tree
from tasks.suite.research.debug.environment import repository, sources
from tasks.world import World, subseed

#: level -> training, development and held-out rows; ``repository.LEVELS`` has the others.
ROWS: Final = {"L0": (600, 300, 1_000)}
#: Laid out at L0 alone: the tools that name the wrong change and take it back.
TOOLS: Final = Path(sources.__file__).with_name("tools")
#: Laid out from L1 on, in the place of what L0 says of its tools.
ALONE: Final = Path(sources.__file__).with_name("alone")


@dataclass(frozen=True, slots=True)
class Hidden:
    """What the grader of L0 knows: the world, and the inputs that its trainer's parts are tested on."""

    drawn: sources.Drawn
    public: Mapping[str, Any]
    fresh: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class HiddenRepository:
    """The same from L1 on, the inputs by part."""

    drawn: repository.Drawn
    public: Mapping[str, Mapping[str, Any]]
    fresh: Mapping[str, Mapping[str, Any]]


def draw(seed: bytes, level: str, arm: str) -> World:
    """The world of a seed; the task has only the arm ``plain``."""
    if level in ROWS:
        return _one_file(seed, level)
    drawn = repository.draw(_number(seed, "repository"), repository.LEVELS[level])
    public, fresh = (repository.cases(_number(seed, name), drawn) for name in ("public", "fresh"))
    return _world(ALONE, repository.files(drawn, public), HiddenRepository(drawn, public, fresh))


def _one_file(seed: bytes, level: str) -> World:
    drawn = sources.draw(_number(seed, "world"), ROWS[level])
    public, fresh = (sources.cases(_number(seed, name), drawn) for name in ("public", "fresh"))
    return _world(TOOLS, sources.files(drawn, public), Hidden(drawn, public, fresh))


def _world(own: Path, drawn: Mapping[str, bytes], hidden: Hidden | HiddenRepository) -> World:
    files = (FileSpec(path, content) for path, content in drawn.items())
    return World((*read_tree(own), *files), hidden=hidden)


def _number(seed: bytes, purpose: str) -> int:
    return int.from_bytes(subseed(seed, purpose))
