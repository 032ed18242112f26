"""How an agent's program is started and what of its box is its work, by what the box stands on."""

from dataclasses import dataclass

from sandbox.ground import PROGRAM as GROUND_PROGRAM
from sandbox.ground import Ground
from sandbox.limits import Limits
from sandbox.scaffold import PROGRAM, environment


@dataclass(frozen=True, slots=True)
class Start:
    """What a box runs as the agent."""

    program: tuple[str, ...]
    #: Where it starts.
    directory: str
    environment: dict[str, str]

    @property
    def made(self) -> str | None:
        """Where what it made is collected from; None: it started at the root, where everything lies."""
        return None if self.directory == "/" else self.directory


def start_of(ground: Ground | None, limits: Limits) -> Start:
    """How the scaffold starts on ``ground``, or on the episode image.

    Another image's own variables stand below those that lead to the door.
    """
    if ground is None:
        return Start(PROGRAM, "/work", environment(limits))
    own = dict(ground.environment)
    given = {name: value for name, value in environment(limits).items() if name != "HOME"}
    return Start(GROUND_PROGRAM, ground.directory, {**own, **given})
