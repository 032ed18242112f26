"""The settings of a hidden training run: words to choose, numbers to set, and which go together."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from tasks.trials import Unfit

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

#: How far beyond its ends a number may lie for being rounded.
_SLACK: Final = 1e-9


class Points(NamedTuple):
    """Places in a space, one a row.

    ``words``: (n, choices), which word of each choice. ``units``: (n, numbers), each number on its own
    scale from 0 (lowest) to 1 (highest); what it is where its solver does not have it counts for nothing.
    """

    words: Integers
    units: Floats


@dataclass(frozen=True, slots=True)
class Choice:
    """A setting that is one of some words."""

    name: str
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Number:
    """A setting that is a number from ``low`` to ``high``."""

    name: str
    low: float
    high: float
    #: Its scale is that of its logarithm.
    log: bool = False
    #: It takes whole numbers only.
    whole: bool = False
    #: The words of the first choice that have it; None: all.
    only: tuple[str, ...] | None = None

    def unit(self, value: object) -> float:
        """The place of a value on the scale from 0 to 1.

        Raises:
            Unfit: it is no such number.
        """
        fits = isinstance(value, int if self.whole else int | float) and not isinstance(value, bool)
        # The comparison comes before any arithmetic: a whole number may be too large for a float.
        if not fits or not self.low - _SLACK <= value <= self.high + _SLACK:  # type: ignore[operator]
            raise Unfit(f"{self.name}_out_of_range")
        low, high, at = (self._scaled(float(number)) for number in (self.low, self.high, value))  # type: ignore[arg-type]
        return min(1.0, max(0.0, (at - low) / (high - low)))

    def _scaled(self, number: float) -> float:
        return math.log(number) if self.log else number

    def value(self, unit: float) -> float | int:
        """The number at a place on the scale, rounded if it is to be whole."""
        if self.log:
            value = self.low * (self.high / self.low) ** unit
        else:
            value = self.low + (self.high - self.low) * unit
        return round(value) if self.whole else float(f"{value:.6g}")


@dataclass(frozen=True, slots=True)
class Space:
    """All settings; the first choice says which numbers there are."""

    choices: tuple[Choice, ...]
    numbers: tuple[Number, ...]

    def has(self) -> npt.NDArray[np.bool_]:
        """(words of the first choice, numbers): whether that word has that number."""
        first = self.choices[0].words
        return np.array([[n.only is None or word in n.only for n in self.numbers] for word in first])

    def place(self, settings: Mapping[str, Any]) -> Points:
        """The one point of ``settings``: exactly those that there are.

        Raises:
            Unfit: anything else, by cause.
        """
        words = []
        for choice in self.choices:
            if settings.get(choice.name) not in choice.words:
                raise Unfit(f"{choice.name}_unknown")
            words.append(choice.words.index(settings[choice.name]))
        held = self.has()[words[0]]
        wanted = [number for number, has in zip(self.numbers, held, strict=True) if has]
        if set(settings) != {*(c.name for c in self.choices), *(n.name for n in wanted)}:
            raise Unfit("not_the_settings_of_its_solver")
        units = [n.unit(settings[n.name]) if has else 0.0 for n, has in zip(self.numbers, held, strict=True)]
        return Points(np.array([words]), np.array([units]))

    def settings(self, points: Points, row: int) -> dict[str, Any]:
        """The settings of one of ``points``."""
        words, units = points.words[row], points.units[row]
        chosen: dict[str, Any] = {c.name: c.words[w] for c, w in zip(self.choices, words, strict=True)}
        held = self.has()[words[0]]
        kept = zip(self.numbers, units, held, strict=True)
        return chosen | {number.name: number.value(float(unit)) for number, unit, has in kept if has}

    def sample(self, random: np.random.Generator, n: int) -> Points:
        """``n`` points: words alike, numbers even on their scales."""
        words = np.column_stack([random.integers(len(choice.words), size=n) for choice in self.choices])
        units = random.random((n, len(self.numbers)))
        for column, number in enumerate(self.numbers):
            if number.whole:
                units[:, column] = _on_grid(units[:, column], number)
        return Points(words, units)

    def document(self) -> dict[str, Any]:
        """What the agent is told of it: settings by name."""
        told: dict[str, Any] = {choice.name: {"words": list(choice.words)} for choice in self.choices}
        for n in self.numbers:
            told[n.name] = {
                "low": n.low, "high": n.high, "scale": "log" if n.log else "linear", "whole": n.whole,
                "only": None if n.only is None else {self.choices[0].name: list(n.only)},
            }  # fmt: skip
        return told


def _on_grid(units: Floats, number: Number) -> Floats:
    """Places of whole numbers on a linear scale, each number alike."""
    steps = number.high - number.low
    return np.minimum(np.floor(units * (steps + 1)), steps) / steps
