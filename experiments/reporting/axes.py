"""The upright axis of a chart: scores and shares on a line from zero, lengths of tasks by their logarithm."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from experiments.text import decimal

#: Lengths at which an axis of minutes has a line.
_LENGTHS: Final = (
    *((seconds / 60, f"{seconds} s") for seconds in (1, 4, 15)), *((m, f"{m} min") for m in (1, 4, 15)),
    *((60 * 4**power, f"{4**power:,} h") for power in range(9)),
)  # fmt: skip
#: A limit farther than this from every point is drawn as leaving the picture.
_FARTHEST: Final = 64


@dataclass(frozen=True, slots=True)
class Axis:
    """``label`` says what it shows; ``ticks`` are values with what stands beside them, from the lowest up."""

    label: str
    ticks: tuple[tuple[float, str], ...]
    logarithmic: bool = False

    @property
    def low(self) -> float:
        """Its lower end."""
        return self.ticks[0][0]

    @property
    def high(self) -> float:
        """Its upper end."""
        return self.ticks[-1][0]

    def share(self, value: float) -> float:
        """How far up ``value`` lies, from 0 to 1; on a logarithmic axis what lies beyond an end is put there."""
        if not self.logarithmic:
            return (value - self.low) / (self.high - self.low)
        inside = min(max(value, self.low), self.high)
        return math.log(inside / self.low) / math.log(self.high / self.low)


def from_zero(label: str, top: float, tick: float) -> Axis:
    """From 0 to ``top``, a multiple of ``tick``, with a line at each of them."""
    return Axis(label, tuple((i * tick, f"{i * tick:g}") for i in range(round(top / tick) + 1)))


def of_minutes(label: str, points: Sequence[float], limits: Sequence[float]) -> Axis:
    """The lines around all ``points`` and, as far as they are near, all ``limits``, which are minutes above 0."""
    least, most = min(points, default=1.0), max(points, default=1.0)
    low = max(min([least, *limits]), least / _FARTHEST)
    high = min(max([most, *limits]), most * _FARTHEST)
    below = [i for i, (minutes, _) in enumerate(_LENGTHS) if minutes <= low]
    above = [i for i, (minutes, _) in enumerate(_LENGTHS) if minutes >= high]
    first = min((below or [0])[-1], len(_LENGTHS) - 2)
    last = (above or [len(_LENGTHS) - 1])[0]
    return Axis(label, _LENGTHS[first : max(last, first + 1) + 1], logarithmic=True)


def duration(minutes: float) -> str:
    """``12 s``, ``3.5 min``, ``2.1 h``: a length of a task as people say it."""
    for size, unit in ((60.0, "h"), (1.0, "min")):
        if minutes >= size:
            return f"{_short(minutes / size)} {unit}"
    return f"{_short(minutes * 60)} s"


def _short(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 else decimal(number, 1).removesuffix(".0")
