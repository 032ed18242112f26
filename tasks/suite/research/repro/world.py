"""Draws a world of research/repro."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sandbox.files import FileSpec, read_tree
from tasks.suite.research.repro.environment import papers
from tasks.world import World, subseed

#: Laid out at L0 alone: the tools that find and write a part's code in a library.
TOOLS: Final = Path(papers.__file__).with_name("tools")
#: Laid out from L1 on, in the place of what L0 says of its tools.
ALONE: Final = Path(papers.__file__).with_name("alone")
#: Sets of inputs that nobody was shown.
FRESH: Final = 5


@dataclass(frozen=True, slots=True)
class Hidden:
    """What the grader knows: the paper with what it leaves open, and inputs by what they are given to."""

    drawn: papers.Drawn
    #: The worked examples' inputs, and the paper's own data under ``table``.
    public: Mapping[str, Mapping[str, Any]]
    fresh: tuple[Mapping[str, Mapping[str, Any]], ...]


def draw(seed: bytes, level: str, arm: str) -> World:
    """The world of a seed; the task has only the arm ``plain``."""
    drawn = papers.draw(_number(seed, "paper"), papers.LEVELS[level])
    public = {**papers.cases(_number(seed, "public"), drawn), "table": drawn.data}
    fresh = tuple(papers.cases(_number(seed, f"fresh {index}"), drawn) for index in range(FRESH))
    if level == "L0":
        own, files = TOOLS, papers.files_with_library(_number(seed, "library"), drawn, public)
    else:
        own, files = ALONE, papers.files(drawn, public)
    laid = (FileSpec(path, content) for path, content in files.items())
    return World((*read_tree(own), *laid), hidden=Hidden(drawn, public, fresh))


def _number(seed: bytes, purpose: str) -> int:
    return int.from_bytes(subseed(seed, purpose))
