"""Percentile intervals of horizons, widened where there are few families.

Under 30 clusters the plain percentiles are too narrow (measured: 80 % with 4, 89 % with 8). Hesterberg (2015,
"What Teachers Should Know About the Bootstrap") takes wider ones: those at which a normal distribution has
the probability of −√(G/(G−1))·t(G−1), which also makes up for the bootstrap's variance being too small.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from experiments.stats.horizon.table import Floats

#: Families from which the plain 2.5 and 97.5 percentiles are taken.
MANY_FAMILIES: Final = 30
#: A limit this many octaves from 1 minute is none: it stands for curves that do not fall.
BOUNDLESS: Final = 100.0


#: More draws than anybody takes.
MOST_DRAWS: Final = 100_000


@dataclass(frozen=True, slots=True)
class Limits:
    """A two-sided 95 % interval, or the cause why there is none."""

    low: float | None
    high: float | None
    cause: str | None = None


def tail(families: int) -> float:
    """The share of draws that lies below the lower limit; 0 for one family."""
    if families >= MANY_FAMILIES:
        return 0.025
    if families < 2:
        return 0.0
    return float(ndtr(_widening(families) * stdtrit(families - 1, 0.025)))


def percentiles(values: Floats, families: int) -> Limits:
    """The interval of ``values``, one a draw; NaN is a draw without a value, ±inf one beyond all others."""
    valid = np.clip(values[~np.isnan(values)], -2 * BOUNDLESS, 2 * BOUNDLESS)
    share = tail(families)
    if not len(valid):
        return Limits(None, None, "no interval without draws")
    if share * len(valid) < 1:
        many = "" if share * MOST_DRAWS < 1 else f"; that takes {math.ceil(1 / share)} draws"
        return Limits(None, None, f"no interval from {_families(families)} with {len(valid)} draws{many}")
    low, high = (float(limit) for limit in np.quantile(valid, [share, 1 - share]))
    if max(abs(low), abs(high)) >= BOUNDLESS:
        return Limits(None, None, "no interval: too many draws in which success does not fall with length")
    return Limits(low, high)


def exceedance(differences: Floats, threshold: float, families: int) -> float | None:
    """P(difference > threshold) over the draws, as cautious as the interval where families are few.

    Agrees with ``percentiles``: it is 0.975 where the lower limit is ``threshold``.
    """
    valid = differences[~np.isnan(differences)]
    if not len(valid) or families < 2:
        return None
    share = float(np.mean(valid > threshold))
    if families >= MANY_FAMILIES:
        return share
    edge = 0.5 / len(valid)
    score = ndtri(min(max(share, edge), 1 - edge)) / _widening(families)
    return float(stdtr(families - 1, score))


def beyond(limits: Sequence[float | None], covered: tuple[float, float]) -> bool:
    """Whether a limit, in octaves, leaves the covered range by more than one octave."""
    low, high = covered
    return any(limit is not None and not low - 1 <= limit <= high + 1 for limit in limits)


def _widening(families: int) -> float:
    return math.sqrt(families / (families - 1))


def _families(count: int) -> str:
    return "1 task family" if count == 1 else f"{count} task families"
