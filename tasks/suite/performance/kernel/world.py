"""Draws a world of performance/kernel."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from sandbox.files import FileSpec
from tasks.pacing import Floats, Pace, Truths, npz
from tasks.suite.performance.kernel import native
from tasks.suite.performance.kernel.environment import loops
from tasks.world import World, subseed

#: How far a result may lie from the right one, times 1 plus its size.
TOLERANCE: Final = 1e-4
#: So many pairs of a step's neighbouring cases are looked at, if it has more cases: who is wrong in one case of fifty
#: gains a fiftieth, and passes three steps once in 40 times.
_PAIRS: Final = 32
#: How many wrong results are held against the right ones of other cases.
_LOOKED_AT: Final = 8
_NO_FORMS: Final = (
    b'"""Forms of loops: functions that take and give rows. None was written yet."""\n\nimport numpy as np\n'
)
#: Added to describe.md where loops do not say what they compute.
_UNTOLD: Final = b"""
# At this level
The loops have no descriptions: what each computes stands in its text alone, and `look.py` calls its form `unknown`.
`/work/forms.py` holds no forms yet.
"""
#: Added where numpy is not enough.
_NATIVE: Final = b"""The reference is in C. What you submit is not compiled where it is scored: the import would count.
"""
_DESCRIBE: Final = Path(__file__).with_name("environment") / "task/describe.md"
_FORMS: Final = Path(__file__).with_name("environment") / "forms.py"


@dataclass(frozen=True, slots=True)
class Knobs:
    """What a level asks for."""

    #: Rows of an input.
    rows: int
    #: How many loops are slow (to be noticed), and whether their forms in numpy are given or to be written (execution).
    slow: int
    forms: bool
    #: Whether loops say what they compute: else that is to be found out as well.
    told: bool
    #: Public cases.
    public: int
    pace: Pace
    #: What the reference is compiled from, if it is in C; a reference in numpy is what forms alone come to.
    native: str | None = None


LEVELS: Final = {
    "L0": Knobs(rows=200, slow=1, forms=True, told=True, public=6, pace=Pace(0.05, least=5, most=250)),
    "L1": Knobs(
        rows=200, slow=3, forms=False, told=True, public=6,
        pace=Pace(0.06, least=2, most=200),
    ),
    "L2": Knobs(
        rows=320, slow=5, forms=False, told=False, public=2,
        pace=Pace(0.08, least=1, most=120),
    ),
    # Forms in numpy are some 60 times as fast, plain C 200 to 350 times, C that vectorises 1,000 to 1,400 times.
    "L3": Knobs(
        rows=320, slow=5, forms=False, told=False, public=2,
        pace=Pace(0.08, least=1, most=150), native="plain.c",
    ),
    "L4": Knobs(
        rows=480, slow=6, forms=False, told=False, public=2,
        pace=Pace(0.08, least=1, most=100), native="vector.c",
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Expected:
    """Cases of which some have a known result."""

    inputs: dict[str, Floats]
    #: Which those are, and their results: shape (cases looked at, entries).
    looked: npt.NDArray[np.int64]
    results: Floats

    @property
    def size(self) -> int:
        """Entries of a result."""
        return int(self.results.shape[1])

    def right(self, found: Floats) -> Truths:
        """Whether each result that is looked at lies within ``TOLERANCE`` of the right one."""
        return _near(found[self.looked], self.results)

    def remembered(self, found: Floats) -> bool:
        """Whether one of the first wrong results is what another case would have given."""
        wrong = found[self.looked][~self.right(found)]
        return any(bool(_near(result, self.results).any()) for result in wrong[:_LOOKED_AT])


@dataclass(frozen=True, slots=True)
class Kernel:
    """The kernel of a world as a function to be made faster."""

    pipeline: loops.Pipeline
    #: What the reference is compiled from; None: it is in numpy.
    native: str | None = None
    name: str = "kernel"

    @property
    def start(self) -> str:
        """The kernel in pure Python."""
        return self.pipeline.start

    @property
    def reference(self) -> str:
        """The kernel in numpy or in C."""
        return self.pipeline.reference if self.native is None else native.program(self.pipeline, self.native)

    def cases(self, random: np.random.Generator, calls: int) -> Expected:
        """So many fresh cases, and what the kernel gives on those that are looked at."""
        inputs, looked = self.pipeline.inputs(random, calls), np.arange(calls)
        if calls > 2 * _PAIRS:
            # A result that was remembered is most likely that of the case before.
            first = random.choice(calls - 1, _PAIRS, replace=False)
            looked = np.union1d(first, first + 1)
        known = {name: values[looked] for name, values in inputs.items()}
        return Expected(inputs, looked, self.pipeline.expected(known))


@dataclass(frozen=True, slots=True)
class Hidden:
    """What the grader knows."""

    kernel: Kernel
    pace: Pace
    public: Expected
    #: What the fresh cases are drawn from.
    seed: bytes


def draw(seed: bytes, level: str, arm: str) -> World:
    """The world of a seed; the task has only the arm ``plain``."""
    knobs = LEVELS[level]
    kernel = Kernel(
        loops.draw(np.random.default_rng(_number(seed, "kernel")), knobs.rows, knobs.slow, knobs.told),
        knobs.native,
    )
    public = kernel.cases(np.random.default_rng(_number(seed, "public")), knobs.public)
    describe = _DESCRIBE.read_bytes() + (b"" if knobs.told else _UNTOLD)
    describe += b"" if knobs.native is None else _NATIVE
    files = (
        FileSpec("task/describe.md", describe),
        FileSpec("work/submission/kernel.py", kernel.start.encode()),
        FileSpec("work/forms.py", _FORMS.read_bytes() if knobs.forms else _NO_FORMS),
        FileSpec("task/examples.npz", npz(**public.inputs, right=public.results)),
    )
    return World(files, hidden=Hidden(kernel, knobs.pace, public, subseed(seed, "fresh")))


def _near(found: Floats, right: Floats) -> Truths:
    near = np.abs(found - right) <= TOLERANCE * (1 + np.abs(right))
    return np.asarray(near.all(axis=-1))


def _number(seed: bytes, purpose: str) -> int:
    return int.from_bytes(subseed(seed, purpose))
