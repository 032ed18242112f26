"""Logistic curves of success over a task's length, as many at once as there are draws.

Each minimises ½·λ·b1² + Σ w·logloss over b0 and b1, the intercept unpenalised (METR's method: L2-penalised
weighted logistic regression; Kwa et al. 2025, "Measuring AI Ability to Complete Long Tasks"). A score
between 0 and 1 counts as that share of a success and the rest of a failure.

Newton's method finds them. A step that moves a log-odds by d > 1 is halved until the sum falls, but never
below ln(1+d)/d of itself, which always makes it fall: logistic loss changes its curvature by at most a
factor e^d over such a step (Sun & Tran-Dinh 2019, "Generalized self-concordant functions").
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import expit

from experiments.stats.horizon.table import Floats, Ints, Table

#: Steps after which a curve that still moves is given up; a fit takes some 5 to 30.
MOST_STEPS: Final = 200
#: A curve is found when no log-odds moves by more than this share of the steepest.
SETTLED: Final = 1e-10
#: Share of the promised fall that a long step has to bring (Armijo's rule).
_SURE: Final = 0.1
#: Share of the runs, by weight and curvature, that a start has to leave unsure.
_UNSURE: Final = 0.01
#: Curves that are fitted together: their arrays stay in the processor's cache.
_BATCH: Final = 256


@dataclass(frozen=True, slots=True)
class Curves:
    """Fitted curves (N): log-odds b0 + b1·octaves. NaN in both where there is none.

    ``one_class``: nothing but failures, or nothing but successes; no curve has a finite minimum there.
    """

    intercept: Floats
    slope: Floats
    one_class: np.ndarray

    def start(self, row: int) -> tuple[float, float]:
        """Intercept and slope to begin another fit of this row's data with."""
        if self.one_class[row]:
            return 0.0, 0.0
        return float(self.intercept[row]), float(self.slope[row])

    def octaves(self, share: float) -> Floats:
        """log2 of the horizon at success ``share``: ±inf where success does not fall with length.

        Such a curve has no length at which success passes ``share``; the agent lies on one side of it.
        """
        odds = np.log(share / (1 - share))
        with np.errstate(divide="ignore", invalid="ignore"):
            found = (odds - self.intercept) / self.slope
            sided = np.where(self.intercept > odds, np.inf, -np.inf)
        return np.asarray(np.where(self.slope < 0, found, np.where(np.isnan(self.slope), np.nan, sided)))


def fit_curves(
    octaves: Floats, passed: Floats, failed: Floats, penalty: float, start: tuple[float, float] = (0.0, 0.0)
) -> Curves:
    """The curve of each row.

    Args:
        octaves: log2 of the tasks' minutes (T).
        passed: weight of the successes at each task (N, T).
        failed: weight of the failures (N, T).
        penalty: λ, above 0.
        start: intercept and slope to begin with; a near one saves steps and changes nothing else.

    Raises:
        ArithmeticError: a curve did not settle.
    """
    one_class = (passed.sum(axis=1) <= 0) | (failed.sum(axis=1) <= 0)
    curves = Curves(np.full(len(passed), np.nan), np.full(len(passed), np.nan), one_class)
    todo = np.flatnonzero(~one_class)
    for first in range(0, len(todo), _BATCH):
        rows = todo[first : first + _BATCH]
        curves.intercept[rows], curves.slope[rows] = _newton(
            octaves, passed[rows], failed[rows], penalty, start
        )
    return curves


def joined(parts: Sequence[Curves]) -> Curves:
    """The curves of several fits, one after the other."""
    return Curves(
        np.concatenate([part.intercept for part in parts]),
        np.concatenate([part.slope for part in parts]),
        np.concatenate([part.one_class for part in parts]),
    )


def fit_agents(table: Table, penalty: float) -> Curves:
    """The curve of each agent of ``table`` (A), from all of its runs."""
    passed = table.weights * table.passed
    return fit_curves(table.octaves, passed, table.weights * (table.runs - table.passed), penalty)


@dataclass(frozen=True, slots=True)
class _Sums:
    """The sums to minimise, one a row: ``passed`` and ``failed`` (N, T) at ``x`` (T), and λ."""

    x: Floats
    passed: Floats
    failed: Floats
    penalty: float

    def rows(self, chosen: Ints) -> "_Sums":
        return _Sums(self.x, self.passed[chosen], self.failed[chosen], self.penalty)

    def value(self, level: Floats, slope: Floats) -> Floats:
        odds = level[:, None] + slope[:, None] * self.x
        loss = self.passed * np.logaddexp(0, -odds) + self.failed * np.logaddexp(0, odds)
        return np.asarray(loss.sum(axis=1) + self.penalty / 2 * slope**2)

    def step(self, level: Floats, slope: Floats) -> tuple[Floats, Floats, Floats]:
        """Newton's step in both parameters, and the fall of the sum that its first order promises."""
        odds = level[:, None] + slope[:, None] * self.x
        wins, losses = expit(odds), expit(-odds)
        # Neither difference of two numbers near 1 is taken: a separable sample lives in what it would lose.
        residual = self.failed * wins - self.passed * losses
        curvature = (self.passed + self.failed) * wins * losses
        weight = curvature.sum(axis=1)
        # About the point where the curve is undecided the two parameters do not disturb each other.
        middle = curvature @ self.x / weight
        spread = (curvature * (self.x - middle[:, None]) ** 2).sum(axis=1) + self.penalty
        g0 = residual.sum(axis=1)
        g1 = (residual * (self.x - middle[:, None])).sum(axis=1) + self.penalty * slope
        move1 = -g1 / spread
        return -g0 / weight - middle * move1, move1, g0**2 / weight + g1**2 / spread


def _newton(
    octaves: Floats, passed: Floats, failed: Floats, penalty: float, start: tuple[float, float]
) -> tuple[Floats, Floats]:
    """Intercepts and slopes of rows that hold both classes."""
    centre = float(octaves.mean())
    whole = _Sums(octaves - centre, passed, failed, penalty)
    reach = float(np.abs(whole.x).max())
    level, slope = _begin(whole, start[0] + start[1] * centre, start[1])
    active = np.arange(len(level))
    for _ in range(MOST_STEPS):
        sums = whole if len(active) == len(level) else whole.rows(active)
        move0, move1, fall = sums.step(level[active], slope[active])
        change = np.abs(move0) + reach * np.abs(move1)
        part = _shortened(sums, level[active], slope[active], move0, move1, change, fall)
        level[active] += part * move0
        slope[active] += part * move1
        steepest = 1 + np.abs(level[active]) + reach * np.abs(slope[active])
        active = active[~(change <= SETTLED * steepest)]
        if not len(active):
            return level - slope * centre, slope
    raise ArithmeticError(f"{len(active)} logistic curves did not settle in {MOST_STEPS} steps")


def _begin(sums: _Sums, level: float, slope: float) -> tuple[Floats, Floats]:
    """Where to begin: there, or without a slope where almost every run is sure there and a step would be blind."""
    odds = level + slope * sums.x
    mass = sums.passed + sums.failed
    sure = mass @ (expit(odds) * expit(-odds)) < _UNSURE * mass.sum(axis=1)
    flat = np.log(sums.passed.sum(axis=1) / sums.failed.sum(axis=1))
    return np.where(sure, flat, level), np.where(sure, 0.0, slope)


def _shortened(
    sums: _Sums, level: Floats, slope: Floats, move0: Floats, move1: Floats, change: Floats, fall: Floats
) -> Floats:
    """The part of each step to take."""
    part = np.ones_like(level)
    bold = np.flatnonzero(change > 1)
    if not len(bold):
        return part
    before = sums.rows(bold).value(level[bold], slope[bold])
    least = np.log1p(change) / np.maximum(change, 1.0)
    while len(bold):
        there = level[bold] + part[bold] * move0[bold], slope[bold] + part[bold] * move1[bold]
        low_enough = sums.rows(bold).value(*there) <= before - _SURE * part[bold] * fall[bold]
        done = low_enough | (part[bold] <= least[bold])
        bold, before = bold[~done], before[~done]
        part[bold] = np.maximum(part[bold] / 2, least[bold])
    return part
