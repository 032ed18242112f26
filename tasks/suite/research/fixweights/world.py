"""Draws a world of research/fixweights."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sandbox.files import FileSpec, read_tree
from tasks.suite.research.fixweights.environment import networks
from tasks.world import World, subseed

#: Laid out at L0 alone: the tools that name the damage and take it back.
TOOLS: Final = Path(networks.__file__).with_name("tools")
#: Laid out from L1 on, in the place of what L0 says of its tools.
ALONE: Final = Path(networks.__file__).with_name("alone")


@dataclass(frozen=True, slots=True)
class Hidden:
    """What the grader knows. Errors are shares of the held-out rows that are labelled wrong."""

    drawn: networks.Drawn
    start_error: float
    intact_error: float


def draw(seed: bytes, level: str, arm: str) -> World:
    """The world of a seed; the task has only the arm ``plain``."""
    drawn = networks.draw(int.from_bytes(subseed(seed, "network")), networks.LEVELS[level])
    own = read_tree(TOOLS if level == "L0" else ALONE)
    hidden = Hidden(
        drawn=drawn,
        start_error=networks.error(drawn.damaged, drawn.heldout),
        intact_error=networks.error(drawn.intact, drawn.heldout),
    )
    return World(
        (*own, *(FileSpec(path, content) for path, content in networks.files(drawn).items())), hidden=hidden
    )
