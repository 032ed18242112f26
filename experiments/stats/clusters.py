"""The mean of values that come in clusters, with a studentised cluster bootstrap.

Values of one cluster (a world, a family) are not independent; whole clusters are drawn. The percentile interval
of such draws is too narrow under some 30 clusters; the studentised one (Efron 1982; Cameron, Gelbach & Miller
2008, "Bootstrap-Based Improvements for Inference with Clustered Errors") compares each draw's error with that
draw's own standard error, CR0 as in ``paired``. Under 30 clusters the interval also spans Student's, as in
``paired``: measured, neither alone keeps its level both for skewed and for symmetric values.
"""

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Final

import numpy as np
from scipy.special import stdtrit

from experiments.stats.intervals import NOT_MEASURED, Interval

DRAWS: Final = 4_000
#: With fewer clusters a tail of the draws has no spread, and no interval is shown.
FEWEST: Final = 5
#: Clusters from which the bootstrap stands alone.
MANY: Final = 30
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
    filled = sorted(sorted(group) for group in groups.values() if group)
    sizes = np.array([len(group) for group in filled], dtype=float)
    sums = np.array([math.fsum(group) for group in filled])
    n = int(sizes.sum())
    if n == 0:
        return Interval(None, None, None, 0, NOT_MEASURED)
    point = math.fsum(sums) / n
    if len(filled) < FEWEST:
        return Interval(point, None, None, n, f"no interval from {_clusters(len(filled))}; it needs {FEWEST}")
    se = float(_errors(np.ones((1, len(filled))), sums, sizes)[1][0])
    if se <= _NO_SPREAD:
        return Interval(point, None, None, n, "no interval from a constant sample")
    shares = np.full(len(filled), 1 / len(filled))
    copies = np.random.default_rng(seed).multinomial(len(filled), shares, size=draws).astype(float)
    means, errors = _errors(copies, sums, sizes)
    with np.errstate(divide="ignore", invalid="ignore"):
        scores = (means - point) / errors
    # A draw without spread, such as one cluster alone, lies beyond all others on its side.
    scores = np.where(errors > _NO_SPREAD, scores, np.copysign(np.inf, means - point))
    tail = (1 - level) / 2
    below, above = np.quantile(scores, [tail, 1 - tail], method="inverted_cdf")
    if not np.isfinite([below, above]).all():
        return Interval(point, None, None, n, "no interval: too many draws have no spread")
    if len(filled) < MANY:
        half = float(stdtrit(len(filled) - 1, 1 - tail)) * math.sqrt(len(filled) / (len(filled) - 1))
        below, above = min(below, -half), max(above, half)
    return Interval(point, max(low, float(point - above * se)), min(high, float(point - below * se)), n)


def _errors(copies: np.ndarray, sums: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and CR0 standard error of each draw (draws), from copies of the clusters (draws, clusters)."""
    total = copies @ sizes
    means = (copies @ sums) / total
    away = sums - means[:, None] * sizes
    return means, np.sqrt((copies * away**2).sum(axis=1)) / total


def _clusters(count: int) -> str:
    return "1 cluster" if count == 1 else f"{count} clusters"
