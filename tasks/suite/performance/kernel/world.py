"""Draws a world of performance/kernel."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from sandbox.files import FileSpec
from tasks.suite.performance.kernel.environment import loops
from tasks.timing import calls_for
from tasks.world import World, subseed

_FORMS: Final = Path(__file__).with_name("environment") / "forms.py"


@dataclass(frozen=True, slots=True)
class Knobs:
    """What a level asks for, and how its runs are measured."""

    #: Rows of an input.
    rows: int
    #: Public cases.
    public: int
    #: Processor seconds that a step's calls should come to, and the fewest and most calls that it makes.
    work: float
    least: int
    most: int
    #: Calls of the start and of the reference that an anchor times.
    start_calls: int
    reference_calls: int

    def calls(self, seconds: float) -> int:
        """Calls of a step whose calls take ``seconds`` each."""
        return calls_for(seconds, self.work, self.least, self.most)


LEVELS: Final = {
    "L0": Knobs(rows=200, public=6, work=0.03, least=3, most=160, start_calls=2, reference_calls=40),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Hidden:
    """What the grader knows."""

    kernel: loops.Pipeline
    knobs: Knobs
    #: The public cases and what the kernel gives on them, of shape (cases, n x d).
    public: Mapping[str, loops.Floats]
    right: loops.Floats
    #: What the fresh inputs are drawn from.
    seed: int


def draw(seed: bytes, level: str, arm: str) -> World:
    """The world of a seed; the task has only the arm ``plain``."""
    knobs = LEVELS[level]
    kernel = loops.draw(np.random.default_rng(_number(seed, "kernel")), knobs.rows)
    public = kernel.inputs(np.random.default_rng(_number(seed, "public")), knobs.public)
    right = kernel.expected(public)
    files = (
        FileSpec("work/submission/kernel.py", kernel.start.encode()),
        FileSpec("work/forms.py", _FORMS.read_bytes()),
        FileSpec("task/examples.npz", npz(**public, right=right)),
    )
    return World(files, hidden=Hidden(kernel, knobs, public, right, _number(seed, "fresh")))


def npz(**arrays: Any) -> bytes:
    """The bytes of an npz file; the same arrays give the same bytes."""
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def _number(seed: bytes, purpose: str) -> int:
    return int.from_bytes(subseed(seed, purpose))
