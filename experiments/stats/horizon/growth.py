"""How fast horizons grow over agents, and how two of them compare, on the shared draws."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np

from experiments.stats.horizon.estimate import Analysis
from experiments.stats.horizon.interval import exceedance, percentiles
from experiments.stats.horizon.table import Floats


@dataclass(frozen=True, slots=True)
class Doubling:
    """Days in which the horizon doubles along the running best.

    ``agents`` are those on the running best, by date. ``cause`` says why ``days`` is None,
    ``interval_cause`` why ``low`` and ``high`` are.
    """

    days: float | None
    low: float | None
    high: float | None
    agents: tuple[str, ...]
    cause: str | None = None
    interval_cause: str | None = None


@dataclass(frozen=True, slots=True)
class Ratio:
    """The horizon of one agent over that of another.

    ``probability`` is P(ratio > ``threshold``) over the shared draws: gate on it, never on whether two
    intervals overlap. ``undecided`` counts the draws in which one of the two has no curve, or both lie on
    the same side of every length.
    """

    ratio: float | None
    low: float | None
    high: float | None
    threshold: float
    probability: float | None
    undecided: int
    cause: str | None = None


def doubling(analysis: Analysis, dates: Mapping[str, date], share: float = 0.5) -> Doubling:
    """Least squares of ln horizon on days over the running best; doubling time = ln 2 / slope (METR).

    The running best is that of the fitted horizons; each draw then gives a slope of the same agents.
    """
    best = running_best(analysis, dates, share)
    if not dates:
        return _none(best, "no dates")
    if not any(agent in dates for agent in analysis.table.agents):
        return _none(best, "none of the dates is of an agent that has runs")
    days = np.array([dates[agent].toordinal() for agent in best], dtype=float)
    if len(best) < 2:
        return _none(
            best, f"the running best has {len(best)} dated agent{'s' * (len(best) != 1)}; it needs 2"
        )
    points = np.array([[_fitted(analysis, agent, share)] for agent in best])
    slope = float(_slopes(days, points)[0])
    drawn = np.array([analysis.octaves(agent, share) for agent in best])
    limits = percentiles(_slopes(days, drawn), len(analysis.table.family_sizes))
    if limits.low is None or limits.high is None:
        return Doubling(1 / slope, None, None, best, None, limits.cause)
    if limits.low <= 0:
        return Doubling(1 / slope, None, None, best, None, "no interval: too many draws show no growth")
    return Doubling(1 / slope, 1 / limits.high, 1 / limits.low, best)


def running_best(analysis: Analysis, dates: Mapping[str, date], share: float = 0.5) -> tuple[str, ...]:
    """The dated agents whose fitted horizon lies above that of every earlier one, the best of each day."""
    dated = [agent for agent in analysis.table.agents if agent in dates]
    found = {agent: _fitted(analysis, agent, share) for agent in dated}
    curved = [agent for agent in dated if math.isfinite(found[agent])]
    best: list[str] = []
    for agent in sorted(curved, key=lambda agent: (dates[agent], -found[agent], agent)):
        if not best or found[agent] > found[best[-1]]:
            best.append(agent)
    return tuple(best)


def ratio(analysis: Analysis, new: str, reference: str, threshold: float = 1.0, share: float = 0.5) -> Ratio:
    """The horizon of ``new`` over that of ``reference``.

    Raises:
        ValueError: no such agent, or a threshold that is not above 0.
    """
    if not threshold > 0:
        raise ValueError(f"a ratio's threshold lies above 0, not {threshold}")
    with np.errstate(invalid="ignore"):
        drawn = analysis.octaves(new, share) - analysis.octaves(reference, share)
    families = min(analysis.families(new), analysis.families(reference))
    limits = percentiles(drawn, families)
    point = _fitted(analysis, new, share) - _fitted(analysis, reference, share)
    return Ratio(
        ratio=2.0**point if abs(point) < 1000 else None,
        low=None if limits.low is None else 2.0**limits.low,
        high=None if limits.high is None else 2.0**limits.high,
        threshold=threshold,
        probability=exceedance(drawn, math.log2(threshold), families),
        undecided=int(np.isnan(drawn).sum()),
        cause=limits.cause,
    )


def _fitted(analysis: Analysis, agent: str, share: float) -> float:
    """log2 of the fitted horizon; NaN without a curve, ±inf where success does not fall."""
    return float(analysis.whole.octaves(share)[analysis.table.index(agent)])


def _slopes(days: Floats, octaves: Floats) -> Floats:
    """Octaves a day in each draw, by least squares over the agents with a horizon there.

    Args:
        days: of each agent (B).
        octaves: (B, draws); a draw with fewer than two horizons at different days has the slope NaN.
    """
    known = np.isfinite(octaves)
    values = np.where(known, octaves, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        count = known.sum(axis=0)
        centre = (known * days[:, None]).sum(axis=0) / count
        away = np.where(known, days[:, None] - centre, 0.0)
        spread = (away**2).sum(axis=0)
        slopes = (away * values).sum(axis=0) / np.where(spread > 0, spread, np.nan)
    return np.asarray(slopes, dtype=np.float64)


def _none(best: tuple[str, ...], cause: str) -> Doubling:
    return Doubling(None, None, None, best, cause, cause)
