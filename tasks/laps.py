"""What laps say of a speed: steps of a submission, each with the task's own start and reference run beside it.

A call costs up to 1.7 times as much while another program uses the other half of the core, and that changes at
any moment. The start and the reference (the anchors) run on the same processor at the same time, in boxes like the
submission's, which the kernel gives to each for a few milliseconds in turn, so that all meet the same mixture. How the
submission's processor time grew is followed, and the anchors' calls are weighed by it: whoever rests until the machine
is quick is measured against anchors that were quick too. What the reference's step costs besides its calls is what the
submission's does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log, sqrt
from statistics import median, quantiles
from typing import Final

from sandbox.errors import GradingFault
from tasks.timing import NOISE, Course

#: The fewest and the most laps.
FEWEST_LAPS: Final = 3
MOST_LAPS: Final = 12
#: Standard error with which a score is told where the start is 0 and the reference 1, if laps suffice.
WANTED_ERROR: Final = 0.01
#: The largest that the anchors by themselves may have: scores of two gradings then differ by less than 0.05 with
#: a probability of 0.995.
LARGEST_ERROR: Final = 0.0125


@dataclass(frozen=True, slots=True)
class Calls:
    """Some calls of an anchor, one after the other."""

    #: When they began and ended: seconds since 1970.
    began: float
    ended: float
    #: Processor seconds of all of them.
    cpu: float
    calls: int


@dataclass(frozen=True, slots=True)
class Cost:
    """What a step of the submission cost."""

    #: Processor seconds of all that its box did, and of what a step does besides its calls.
    cpu: float
    overhead: float
    #: How many calls it made.
    calls: int

    @property
    def spent(self) -> float:
        """Processor seconds of its calls."""
        return max(self.cpu - self.overhead, NOISE)

    @property
    def seconds(self) -> float:
        """Processor seconds of a call."""
        return self.spent / self.calls

    @property
    def surely(self) -> float:
        """What a call took at least, given that the cost of a short step is uncertain."""
        return max(self.cpu - self.overhead - NOISE, 0.0) / self.calls


@dataclass(frozen=True, slots=True)
class Lap:
    """A step of the submission, and how fast the anchors were at the same time."""

    cost: Cost
    #: Calls of the start and of the reference in a processor second.
    start: float
    reference: float

    @property
    def gain(self) -> float:
        """Logarithm of how many times as fast as the start the submission was."""
        return -log(self.cost.seconds * self.start)

    @property
    def lack(self) -> float:
        """Logarithm of how many times as fast as the submission the reference was."""
        return log(self.cost.seconds * self.reference)

    @property
    def lead(self) -> float:
        """Logarithm of how many times as fast as the start the reference was."""
        return log(self.reference / self.start)


@dataclass(frozen=True, slots=True)
class Speed:
    """Natural logarithms of how many times as fast as the start: the submission, the reference."""

    submission: float
    reference: float
    #: Processor seconds of a call of the start.
    start_seconds: float


def rate(calls: Sequence[Calls], course: Course | None = None) -> float:
    """Calls that an anchor made in a processor second.

    Args:
        calls: its calls.
        course: how the submission's processor time grew meanwhile. What was used while some of the calls were made
            would have sufficed for so many of them as the anchor made in as much time. None: nothing ran beside.
    """
    used = [some.cpu if course is None else course.between(some.began, some.ended) for some in calls]
    if sum(used) <= 0:
        return rate(calls)
    return sum(part * some.calls / some.cpu for part, some in zip(used, calls, strict=True)) / sum(used)


def enough(laps: Sequence[Lap]) -> bool:
    """Whether no further lap is needed, or will help."""
    if len(laps) < FEWEST_LAPS:
        return False
    told = error([lap.gain / lap.lead for lap in laps]) <= WANTED_ERROR
    return (told and _disagreement(laps) <= LARGEST_ERROR) or len(laps) >= MOST_LAPS


def error(values: Sequence[float]) -> float:
    """About the standard error of the median of some values: their interquartile range by the root of their number.

    For normal ones it is 1.35 standard deviations, and the median's error 1.25 by that root. No single value counts.
    """
    low, _, high = quantiles(values, method="inclusive")
    return (high - low) / sqrt(len(values))


def compare(laps: Sequence[Lap]) -> Speed:
    """The medians over ``laps``.

    The work of a lap is done in it, on inputs that were not known before: who is slow in some laps gains in none. The
    submission is held against either anchor by itself: one as fast as the reference scores 1 however the start was met.

    Raises:
        GradingFault: ``unmeasurable``, because the anchors do not agree. The submission has no say in that.
    """
    if (apart := _disagreement(laps)) > LARGEST_ERROR:
        told = f"how much faster the reference is than the start is uncertain by {apart:.3f} after {len(laps)} laps"
        raise GradingFault(told, "unmeasurable")
    gain = median(lap.gain for lap in laps)
    return Speed(gain, gain + median(lap.lack for lap in laps), median(1 / lap.start for lap in laps))


def _disagreement(laps: Sequence[Lap]) -> float:
    """Standard error of the anchors' own ratio, as a share of it."""
    lead = median(lap.lead for lap in laps)
    return error([lap.lead / lead for lap in laps])
