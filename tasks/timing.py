"""What a submitted program costs, read by the host from its box's cgroup.

A submission can neither bend the clock nor hide work in helpers: all processor time of its box counts. The task's
own start and reference implementations (the anchors) run in turn with it in a box of their own on the same
machine, so that a slower or busier machine slows both and cancels in the score: a step of theirs before and one
after each step of the submission. Where these two differ, the machine changed its pace meanwhile (another program
took the other half of the core, say), and the turn does not count; a submission has no say in that.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, log
from pathlib import Path
from statistics import median
from typing import Final

from sandbox.box import Box
from sandbox.errors import GradingFault
from sandbox.files import FileSpec
from tasks import reproduction

#: What a timed program runs with. Memory is kept once it was used: otherwise what ran before in a process decides
#: whether an array costs the time to map it again.
ENVIRONMENT: Final = {
    **reproduction.ENVIRONMENT,
    "MALLOC_MMAP_THRESHOLD_": "33554432", "MALLOC_TRIM_THRESHOLD_": "1073741824",
}  # fmt: skip
#: How closely the anchors before and after a turn agree if the machine kept its pace.
AGREEMENT: Final = 1.2
#: Steady turns of which the median is taken.
WANTED_TURNS: Final = 7
#: After so many turns ``LEAST_TURNS`` steady ones will do, and after ``MOST_TURNS`` there are no more.
PATIENT_TURNS: Final = 12
MOST_TURNS: Final = 21
LEAST_TURNS: Final = 3
#: By how many processor seconds the cost of two equal steps may well differ.
NOISE: Final = 0.003
_OUTPUT: Final = 65_536
_GATE: Final = Path(__file__).with_name("environment") / "gate.py"
#: Lets a step go and waits for its end; a program that dies closes its end without a word.
_STEP: Final = ("sh", "-c", "echo > /task/go; read code < /task/done && exit $code; exit 9")


@dataclass(frozen=True, slots=True)
class Step:
    """What a box used in one step, all processes together."""

    #: The program said that it came to its end.
    well: bool
    #: Processor seconds.
    cpu: float
    #: Seconds on the host's clock.
    wall: float


@dataclass(frozen=True, slots=True)
class Anchor:
    """Processor seconds of a call of the start, of a call of the reference, and of a step besides its calls."""

    start: float
    reference: float
    overhead: float


@dataclass(frozen=True, slots=True)
class Turn:
    """A step of the submission between two of the anchors."""

    before: Anchor
    #: Processor seconds of the step.
    cpu: float
    #: How many calls it made.
    calls: int
    after: Anchor

    @property
    def start(self) -> float:
        """Processor seconds of a call of the start."""
        return (self.before.start + self.after.start) / 2

    @property
    def reference(self) -> float:
        """Processor seconds of a call of the reference."""
        return (self.before.reference + self.after.reference) / 2

    @property
    def seconds(self) -> float:
        """Processor seconds of a call of the submission."""
        overhead = (self.before.overhead + self.after.overhead) / 2
        return max(self.cpu - overhead, NOISE) / self.calls

    @property
    def surely(self) -> float:
        """What a call took at least, given that the cost of a short step is uncertain."""
        overhead = max(self.before.overhead, self.after.overhead)
        return max(self.cpu - overhead - NOISE, 0.0) / self.calls

    @property
    def steady(self) -> bool:
        """Whether the anchors before and after agree."""
        return all(
            max(pair) <= AGREEMENT * min(pair)
            for pair in (
                (self.before.start, self.after.start),
                (self.before.reference, self.after.reference),
            )
        )


@dataclass(frozen=True, slots=True)
class Speed:
    """Natural logarithms of how many times as fast as the start: the submission, the reference."""

    submission: float
    reference: float
    #: Processor seconds of a call: of the start, of the submission.
    start_seconds: float
    seconds: float


def gate() -> FileSpec:
    """The file that a timed program imports; it lies beside it."""
    return FileSpec(_GATE.name, _GATE.read_bytes())


def cpu_seconds(box: Box) -> float:
    """Processor seconds that a box used so far, all processes together.

    Raises:
        GradingFault: the host cannot read its counter.
    """
    used = box.usage().cpu_us
    if used is None:
        raise GradingFault("the box's processor time cannot be read", "unmeasurable")
    return used / 1e6


async def begin(box: Box, argv: Sequence[str], *, cwd: str, timeout: float) -> None:
    """Starts a program that leaves itself behind as ``environment/gate.py`` says.

    Raises:
        TimeoutError: it does not come so far in ``timeout`` seconds.
        GradingFault: it fails, before anything that was submitted has run.
    """
    done = await box.run(argv, cwd=cwd, env=dict(ENVIRONMENT), output=_OUTPUT, timeout=timeout)
    if done.code != 0:
        raise GradingFault(f"a timed program does not start: {done.stderr[-200:].decode(errors='replace')}")


async def step(box: Box, *, timeout: float) -> Step:
    """Lets the program that ``begin`` started do its next step.

    Raises:
        TimeoutError: it did not end within ``timeout`` seconds of the host's clock.
        GradingFault: the host cannot read the box's counter.
    """
    before, began = cpu_seconds(box), time.monotonic()
    done = await box.run(_STEP, cwd="/", env=dict(ENVIRONMENT), output=_OUTPUT, timeout=timeout)
    return Step(done.code == 0, cpu_seconds(box) - before, time.monotonic() - began)


def calls_for(seconds: float, work: float, least: int, most: int) -> int:
    """How many calls of ``seconds`` make ``work`` seconds, from ``least`` to ``most``."""
    return most if seconds * most <= work else max(least, ceil(work / seconds))


def enough(turns: Sequence[Turn]) -> bool:
    """Whether no further turn is needed, or will help."""
    wanted = WANTED_TURNS if len(turns) < PATIENT_TURNS else LEAST_TURNS
    return sum(turn.steady for turn in turns) >= wanted or len(turns) >= MOST_TURNS


def compare(turns: Sequence[Turn]) -> Speed:
    """The medians over the steady ones of ``turns``.

    Raises:
        GradingFault: ``unmeasurable``, because fewer than ``LEAST_TURNS`` are steady.
    """
    steady = [turn for turn in turns if turn.steady]
    if len(steady) < LEAST_TURNS:
        told = f"the machine kept its pace in {len(steady)} of {len(turns)} turns"
        raise GradingFault(told, "unmeasurable")
    return Speed(
        submission=median(log(turn.start / turn.seconds) for turn in steady),
        reference=median(log(turn.start / turn.reference) for turn in steady),
        start_seconds=median(turn.start for turn in steady),
        seconds=median(turn.seconds for turn in steady),
    )
