"""The mean of values that come in clusters: Student's interval and the studentised cluster bootstrap.

Values of one cluster (a world, a family) are not independent; whole clusters are drawn. The percentile interval
of such draws is too narrow under some 30 clusters; the studentised one (Efron 1982; Cameron, Gelbach & Miller
2008, "Bootstrap-Based Improvements for Inference with Clustered Errors") compares each draw's error with that
draw's own standard error, CR0 as in ``paired``. Measured, neither it nor Student's t keeps its level alone both
for skewed and for symmetric values, so the interval spans both.
"""

import math
from collections.abc import Hashable, Mapping, Sequence
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from experiments.stats.intervals import NOT_MEASURED, Interval

Floats = NDArray[np.float64]

DRAWS: Final = 4_000
#: With fewer clusters a tail of the draws has no spread, and no interval is shown.
FEWEST: Final = 5
#: From so many clusters on the two agree, and only Student's is taken.
MANY: Final = 200
TOO_FEW_DIFFER: Final = "no interval: too few clusters differ"
_NO_SPREAD: Final = 1e-12


def clustered_mean(
    groups: Mapping[Hashable, Sequence[float]],
    low: float = -math.inf,
    high: float = math.inf,
    level: float = 0.95,
    draws: int = DRAWS,
    seed: int = 0,
) -> Interval:
    """The mean over all values; ``n`` counts the values.

    Args:
        groups: of each cluster its values; an empty one does not count.
        low: no mean can lie below; the interval is cut there.
        high: nor above.
        level: two-sided coverage.
        draws: of the bootstrap.
        seed: the same seed and data give the same interval, whatever the clusters are called.
    """
    filled = [group for group in groups.values() if group]
    sums = np.array([math.fsum(group) for group in filled])
    sizes = np.array([len(group) for group in filled], dtype=float)
    n = int(sizes.sum())
    if n == 0:
        return Interval(None, None, None, 0, NOT_MEASURED)
    point = math.fsum(sums) / n
    if len(filled) < FEWEST:
        return Interval(point, None, None, n, f"no interval from {_clusters(len(filled))}; it needs {FEWEST}")
    se = standard_error(sums, sizes)
    if se <= _NO_SPREAD:
        return Interval(point, None, None, n, "no interval from a constant sample")
    reach = spanned(sums, sizes, level, draws, seed)
    if reach is None:
        return Interval(point, None, None, n, TOO_FEW_DIFFER)
    below, above = reach
    return Interval(point, max(low, point - above * se), min(high, point - below * se), n)


def spanned(
    sums: Floats, sizes: Floats, level: float = 0.95, draws: int = DRAWS, seed: int = 0
) -> tuple[float, float] | None:
    """Between which multiples of ``standard_error`` the mean of the sample misses the true one.

    Neither the clusters' order nor their names matter, and values of the opposite sign give the opposite
    limits. With ``MANY`` clusters they are Student's. None where so few clusters differ that draws without spread
    reach into a tail: Student's would miss far too often there.

    Args:
        sums: of each cluster (G, at least ``FEWEST``), not all alike.
        sizes: likewise.
        level: two-sided.
        draws: of clusters.
        seed: of the draws.
    """
    count = len(sums)
    # CR0 leaves out that the mean was estimated.
    wider = math.sqrt(count / (count - 1))
    half = float(stdtrit(count - 1, (1 + level) / 2)) * wider
    if count >= MANY:
        return -half, half
    found = _studentised(sums, sizes, level, draws, seed)
    return None if found is None else (min(found[0] * wider, -half), max(found[1] * wider, half))


def standard_error(sums: Floats, sizes: Floats) -> float:
    """CR0 of the mean of all values, from each cluster's sum and size (G)."""
    total = sizes.sum()
    away = sums - math.fsum(sums) / total * sizes
    return math.sqrt(math.fsum(away**2)) / float(total)


def _studentised(
    sums: Floats, sizes: Floats, level: float, draws: int, seed: int
) -> tuple[float, float] | None:
    """Likewise by the bootstrap alone; None where the draws without spread reach into a tail."""
    away, sizes, sign = _canonical(sums - math.fsum(sums) / sizes.sum() * sizes, sizes)
    copies = _copies(len(away), draws, seed)
    total = copies @ sizes
    means = copies @ away / total
    # CR0 of each draw, squared and times its total squared: Σ copies·(away − mean·size)².
    spread = copies @ away**2 - 2 * means * (copies @ (away * sizes)) + means**2 * (copies @ sizes**2)
    with np.errstate(divide="ignore", invalid="ignore"):
        scores = means * total / np.sqrt(spread)
    # A draw without spread, such as one cluster alone, lies beyond all others on its side.
    ordered = np.sort(np.where(spread > _NO_SPREAD, scores, np.copysign(np.inf, means)))
    outside = int((1 - level) / 2 * draws)
    below, above = float(ordered[outside]), float(ordered[-1 - outside])
    if not (math.isfinite(below) and math.isfinite(above)):
        return None
    return (below, above) if sign > 0 else (-above, -below)


def _canonical(away: Floats, sizes: Floats) -> tuple[Floats, Floats, int]:
    """The clusters in an order, with a sign and on a scale that only their values decide."""
    unit = away / np.abs(away).max()
    rough = np.round(unit, 9)
    up, down = sorted(zip(rough, sizes, strict=True)), sorted(zip(-rough, sizes, strict=True))
    sign = 1 if up >= down else -1
    order = np.lexsort((sizes, sign * rough))
    return sign * unit[order], sizes[order], sign


# A trend or a report asks for many means over the same number of worlds.
@lru_cache(maxsize=8)
def _copies(count: int, draws: int, seed: int) -> Floats:
    """How often each of ``count`` clusters is in each draw (draws, count)."""
    shares = np.full(count, 1 / count)
    return np.random.default_rng(seed).multinomial(count, shares, size=draws).astype(np.float64)


def _clusters(count: int) -> str:
    return "1 cluster" if count == 1 else f"{count} clusters"
