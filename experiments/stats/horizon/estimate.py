"""Time horizons of all agents of a table, with intervals from one hierarchical bootstrap."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from experiments.stats.horizon.fit import Curves, fit_agents, fit_curves, joined
from experiments.stats.horizon.interval import MANY_FAMILIES, beyond, percentiles
from experiments.stats.horizon.resample import draw_runs, draw_tasks
from experiments.stats.horizon.table import Floats, Table

#: METR's since March 2026; 0.1 before, which biased a horizon of 724 minutes by +35 %.
PENALTY: Final = 1e-5
DRAWS: Final = 10_000
#: Tasks × draws that are held at a time: some 30 MB an array.
_CELLS: Final = 4_000_000


@dataclass(frozen=True, slots=True)
class Horizon:
    """The length at which success passes a share, in minutes.

    ``fitted`` is the curve's own. ``minutes`` is the estimate: None, with the ``cause``, where there is no
    such length, or where it or its 2.5 and 97.5 percentiles leave the lengths of the agent's tasks by more than
    an octave.
    ``interval_cause`` says why ``low`` and ``high`` are None.
    """

    minutes: float | None
    low: float | None
    high: float | None
    fitted: float | None
    cause: str | None = None
    interval_cause: str | None = None


@dataclass(frozen=True)
class Analysis:
    """A table with each agent's curve and its draws.

    ``whole`` has a curve for each agent (A); ``drawn`` for each agent the curves of all draws (A, draws).
    """

    table: Table
    whole: Curves
    drawn: tuple[Curves, ...]

    def octaves(self, agent: str, share: float) -> Floats:
        """log2 of the agent's horizon in each draw: NaN where the draw was skipped."""
        return self.drawn[self.table.index(agent)].octaves(share)

    def skipped(self, agent: str) -> int:
        """Draws left out because all runs drawn succeeded, or all failed."""
        return int(self.drawn[self.table.index(agent)].one_class.sum())

    def extreme(self, agent: str, share: float) -> int:
        """Draws whose horizon lies more than an octave beyond the lengths of the agent's tasks."""
        low, high = self.covered(agent)
        found = self.octaves(agent, share)
        return int(np.sum((found < low - 1) | (found > high + 1)))

    def covered(self, agent: str) -> tuple[float, float]:
        """log2 of the shortest and of the longest of the agent's tasks."""
        met = self.table.octaves[self.table.runs[self.table.index(agent)] > 0]
        return float(met.min()), float(met.max())

    def families(self, agent: str) -> int:
        """Task families that the agent met."""
        met = self.table.family[self.table.runs[self.table.index(agent)] > 0]
        return len(np.unique(met))

    def horizon(self, agent: str, share: float) -> Horizon:
        """The agent's horizon at success ``share``, between 0 and 1."""
        cause = self._why_no_curve(agent)
        if cause is not None:
            return Horizon(None, None, None, None, cause, cause)
        point = float(self._points(share)[self.table.index(agent)])
        drawn = self.octaves(agent, share)
        limits = percentiles(drawn, self.families(agent))
        # Few families widen the interval, which is no reason to withhold: the draws' own percentiles decide.
        plain = percentiles(drawn, MANY_FAMILIES) if limits.cause is None else limits
        covered = self.covered(agent)
        if beyond((point, plain.low, plain.high), covered):
            shortest, longest = (f"{2.0**limit:.3g}" for limit in covered)
            cause = f"reaches more than an octave beyond the tasks ({shortest} to {longest} minutes)"
        low, high = (None if limit is None else 2.0**limit for limit in (limits.low, limits.high))
        fitted = 2.0**point if abs(point) < 1000 else None
        return Horizon(None if cause else fitted, low, high, fitted, cause, limits.cause)

    def _points(self, share: float) -> Floats:
        return self.whole.octaves(share)

    def _why_no_curve(self, agent: str) -> str | None:
        a = self.table.index(agent)
        runs, passed = int(self.table.runs[a].sum()), float(self.table.passed[a].sum())
        if self.whole.one_class[a]:
            return f"no horizon: none of {runs} runs {'failed' if passed else 'succeeded'}"
        low, high = self.covered(agent)
        if high - low < 1e-9:
            return "no horizon: all tasks are of one length"
        if self.whole.slope[a] >= 0:
            return "no horizon: success does not fall with the length of the task"
        return None


def analyse(table: Table, penalty: float = PENALTY, draws: int = DRAWS, seed: int = 0) -> Analysis:
    """Fits every agent, and every agent again in each of ``draws`` shared draws.

    Args:
        table: the runs.
        penalty: λ, above 0.
        draws: 0 gives no intervals.
        seed: the same seed and data give the same draws.
    """
    whole = fit_agents(table, penalty)
    rows = max(1, _CELLS // len(table.octaves))
    sizes = [min(rows, draws - start) for start in range(0, draws, rows)] or [0]
    parts = [_drawn(table, whole, penalty, size, seed, part) for part, size in enumerate(sizes)]
    return Analysis(table, whole, tuple(joined(curves) for curves in zip(*parts, strict=True)))


def _drawn(table: Table, whole: Curves, penalty: float, draws: int, seed: int, part: int) -> list[Curves]:
    """For each agent the curves of one part of the draws."""
    copies = draw_tasks(table, draws, seed, part)
    return [
        fit_curves(table.octaves, passed, failed, penalty, whole.start(a))
        for a, (passed, failed) in enumerate(draw_runs(table, copies, seed, part))
    ]
