"""Two checkpoints on the same worlds: paired differences, clustered by world.

Miller (2024, "Adding Error Bars to Evals"): SE² = SE²_iid + n⁻² Σ_clusters Σ_{i≠j} (dᵢ−d̄)(dⱼ−d̄),
with SE²_iid = n⁻² Σ (dᵢ−d̄)², which is the cluster-robust variance CR0. CR0 is too small for few
clusters G, so the interval takes √(G/(G−1))·SE and Student's t with G−1 degrees of freedom: with
clusters of one size that is the t interval of the cluster means, and with many the normal one. It also
spans the studentised cluster bootstrap, which skewed differences need (``clusters``) and which runs away where
few clusters differ much from the rest. Differences with a bound also have Gaffke's interval of the clusters'
means: it limits the others, and stands alone where neither of them is: under 5 clusters, and where too few differ.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from scipy.special import stdtr

from experiments.stats.clusters import FEWEST, spanned
from experiments.stats.intervals import bounded_mean

#: With more clusters the exact test has more than 65,536 arrangements, and t is as good.
EXACT_CLUSTERS: Final = 16
#: Spread below this counts as none: scores lie in [0, 2].
_NO_SPREAD: Final = 1e-12

Test = Literal["sign-flip", "t"]


@dataclass(frozen=True, slots=True)
class PairedMean:
    """The mean of paired differences.

    ``se`` is Miller's; ``cause`` says why numbers are missing. ``p`` is two-sided and not adjusted:
    by all sign flips of the clusters' sums (Fisher's randomisation test, exact if a difference is as
    likely as its opposite) or, where more than ``EXACT_CLUSTERS`` clusters differ, by t; ``test`` says which.
    """

    mean: float | None
    se: float | None
    low: float | None
    high: float | None
    #: Pairs, and clusters of them.
    n: int
    clusters: int
    p: float | None = None
    test: Test | None = None
    cause: str | None = None


def paired_mean(
    differences: Mapping[Any, Sequence[float]], level: float = 0.95, bound: float = math.inf
) -> PairedMean:
    """The mean difference with its clustered interval.

    Args:
        differences: of each cluster (a world) its paired differences, at least one.
        level: two-sided coverage of the interval.
        bound: no difference can be larger. With it there is an interval of one cluster, and of clusters that agree, too.
    """
    groups = [group for group in differences.values() if group]
    values = [value for group in groups for value in group]
    n, clusters = len(values), len(groups)
    if not values:
        return PairedMean(None, None, None, None, 0, 0, cause="not measured: no shared world")
    mean = math.fsum(values) / n
    sums = [math.fsum(value - mean for value in group) for group in groups]
    se = math.sqrt(math.fsum(part**2 for part in sums)) / n
    if clusters < 2:
        if math.isinf(bound):
            return PairedMean(mean, None, None, None, n, clusters, cause="no interval from one world")
        return PairedMean(mean, None, *_bounded(groups, mean, level, bound), n, clusters)
    p, test = _p_value([math.fsum(group) for group in groups], mean, se)
    low, high, cause = _interval(groups, mean, se, level, bound)
    return PairedMean(mean, None if se <= _NO_SPREAD else se, low, high, n, clusters, p, test, cause)


def _interval(
    groups: Sequence[Sequence[float]], mean: float, se: float, level: float, bound: float
) -> tuple[float | None, float | None, str | None]:
    """Lower and upper limit, or the cause why there are none."""
    count, reach, gaffke = len(groups), None, None
    if count >= FEWEST and se > _NO_SPREAD:
        sizes = np.array([len(group) for group in groups], dtype=float)
        reach = spanned(np.array([math.fsum(group) for group in groups]), sizes, level)
    # Where clusters differ in size the mean of all values is not that of their means, and those limit nothing.
    if math.isfinite(bound) and (reach is None or len({len(group) for group in groups}) == 1):
        gaffke = _bounded(groups, mean, level, bound)
    if reach is not None:
        below, above = reach
        lowest, highest = gaffke or (-bound, bound)
        return max(mean - above * se, lowest), min(mean - below * se, highest), None
    if gaffke is not None:
        return *gaffke, None
    if se <= _NO_SPREAD:
        return None, None, "no interval from a constant sample"
    if count < FEWEST:
        return None, None, f"no interval from {count} worlds; it needs {FEWEST}"
    return None, None, "no interval: too few worlds differ"


def _bounded(
    groups: Sequence[Sequence[float]], mean: float, level: float, bound: float
) -> tuple[float, float]:
    """Gaffke's limits of the clusters' means; they include the mean of all values."""
    few = bounded_mean([math.fsum(group) / len(group) for group in groups], -bound, bound, level)
    limits = [limit for limit in (few.low, mean, few.high) if limit is not None]
    return min(limits), max(limits)


def _widened(se: float, clusters: int) -> float:
    return se * math.sqrt(clusters / (clusters - 1))


def _p_value(sums: Sequence[float], mean: float, se: float) -> tuple[float, Test]:
    if len(sums) <= EXACT_CLUSTERS:
        return _sign_flips(sums), "sign-flip"
    if se <= _NO_SPREAD:
        # All differences are alike: only the patterns of one sign lie as far from 0, unless all lie there.
        return 1.0 if abs(mean) <= _NO_SPREAD else 2.0 ** (1 - len(sums)), "sign-flip"
    return 2 * float(stdtr(len(sums) - 1, -abs(mean) / _widened(se, len(sums)))), "t"


def _sign_flips(sums: Sequence[float]) -> float:
    """The share of all sign patterns whose total lies at least as far from 0 as the one seen."""
    totals = np.zeros(1)
    for part in sums:
        totals = np.concatenate([totals + part, totals - part])
    return float(np.mean(np.abs(totals) >= abs(math.fsum(sums)) - _NO_SPREAD * len(sums)))
