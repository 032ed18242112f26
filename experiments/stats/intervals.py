"""Intervals that hold in small samples and never degenerate.

A proportion gets Clopper and Pearson's exact interval (1934). The mean of a bounded score gets
Gaffke's (2005; Learned-Miller & Thomas 2019, "A New Confidence Interval for the Mean of a Bounded
Random Variable"; Phan, Thomas & Learned-Miller 2021): with x(1) ≤ … ≤ x(n) and Dirichlet(1, …, 1)
weights D over n + 1 cells, the upper limit is the upper quantile of D·(x(1), …, x(n), high), the
lower limit the lower quantile of D·(low, x(1), …, x(n)). For 0/1 data on [0, 1] that is Clopper and
Pearson's interval; its coverage is proved for some families of distributions and no counterexample
is known. Several strata are melded (Fay, Proschan & Brittain 2015): the quantile of the
weighted sum of independent draws, one per stratum.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import BSpline
from scipy.optimize import brentq
from scipy.special import betaincinv, stdtrit

#: Draws of a melded interval; the seed is fixed so that the same data give the same interval.
MELD_DRAWS = 20_000
MELD_SEED = 20_050_601
#: Draws that are kept for the next interval over strata of the same sizes: 160 MB.
KEPT_NUMBERS = 20_000_000
#: Differences below this share of the range do not count.
RESOLUTION = 1e-12
NOT_MEASURED = "not measured"


@dataclass(frozen=True, slots=True)
class Interval:
    """A point with its two-sided interval over ``n`` independent values.

    ``cause`` says why ``low`` and ``high`` (and ``point``, where n is 0) are None.
    """

    point: float | None
    low: float | None
    high: float | None
    n: int
    cause: str | None = None


def clopper_pearson(k: int, n: int, level: float = 0.95) -> Interval:
    """The exact interval of a proportion, ``k`` of ``n`` (Clopper & Pearson 1934).

    Raises:
        ValueError: not 0 ≤ k ≤ n.
    """
    if not 0 <= k <= n:
        raise ValueError(f"{k} of {n} is no proportion")
    if n == 0:
        return Interval(None, None, None, 0, NOT_MEASURED)
    tail = (1 - level) / 2
    low = 0.0 if k == 0 else float(betaincinv(k, n - k + 1, tail))
    high = 1.0 if k == n else float(betaincinv(k + 1, n - k, 1 - tail))
    return Interval(k / n, low, high, n)


def bounded_mean(
    values: Sequence[float], low: float = 0.0, high: float = 2.0, level: float = 0.95
) -> Interval:
    """Gaffke's interval for the mean of independent values that lie in [low, high].

    The quantiles are exact: the distribution of D·z is the integral of a B-spline with knots z.

    Raises:
        ValueError: a value outside [low, high].
    """
    _check_range(values, low, high)
    if not values:
        return Interval(None, None, None, 0, NOT_MEASURED)
    return _bounded(tuple(sorted(values)), low, high, (1 - level) / 2)


# The same values come back for strict and lenient scores, and for what a score is ruled out by.
@lru_cache(maxsize=4096)
def _bounded(ordered: tuple[float, ...], low: float, high: float, tail: float) -> Interval:
    point = math.fsum(ordered) / len(ordered)
    lower = _spacing_quantile([low, *ordered], tail)
    upper = _spacing_quantile([*ordered, high], 1 - tail)
    # Rounding may move a limit across the point where all values lie on a bound.
    return Interval(point, min(lower, point), max(upper, point), len(ordered))


def stratified_mean(
    strata: Sequence[Sequence[float]],
    weights: Sequence[float] | None = None,
    low: float = 0.0,
    high: float = 2.0,
    level: float = 0.95,
) -> Interval:
    """The weighted mean over strata of their means, each of independent values in [low, high].

    One stratum gives ``bounded_mean``; several are melded by a fixed-seed simulation of
    ``MELD_DRAWS`` draws (some 0.003 of the range in a limit). Without ``weights`` strata weigh the
    same. A stratum without values leaves the mean unmeasured: nothing is filled in.

    Raises:
        ValueError: a value outside [low, high], or as many weights as strata are not given.
    """
    n = sum(len(stratum) for stratum in strata)
    if not strata or not all(strata):
        return Interval(None, None, None, n, NOT_MEASURED)
    shares = _shares(len(strata), weights)
    if len(strata) == 1:
        return bounded_mean(strata[0], low, high, level)
    for stratum in strata:
        _check_range(stratum, low, high)
    # A canonical order: the interval does not depend on how the strata are labelled.
    cells = sorted(
        (len(stratum), share, tuple(sorted(stratum))) for stratum, share in zip(strata, shares, strict=True)
    )
    point = math.fsum(share * math.fsum(values) / size for size, share, values in cells)
    lowest, highest = _meld(tuple(cells), low, high, (1 - level) / 2)
    return Interval(point, min(lowest, point), max(highest, point), n)


# The same cells come back for strict and lenient scores, and for the gate, the report and the store.
@lru_cache(maxsize=4096)
def _meld(
    cells: tuple[tuple[int, float, tuple[float, ...]], ...], low: float, high: float, tail: float
) -> tuple[float, float]:
    """The limits of the weighted sum of independent draws, one for each (size, share, values)."""
    sums = np.zeros((2, MELD_DRAWS))
    sizes = tuple(size for size, _, _ in cells)
    for (_, share, values), spacings in zip(cells, _spacings(sizes), strict=True):
        # The cells are exchangeable: the first one may stand for the end on either side. Not by BLAS, whose threads
        # cost more than such thin products.
        inner = np.einsum("ij,j->i", spacings[:, 1:], np.array(values))
        for side, end in enumerate((low, high)):
            sums[side] += share * (inner + end * spacings[:, 0])
    return float(np.quantile(sums[0], tail)), float(np.quantile(sums[1], 1 - tail))


def _spacings(sizes: tuple[int, ...]) -> Iterable[NDArray[np.float64]]:
    """For each size, ``MELD_DRAWS`` uniform draws from the simplex: rows of size + 1 shares."""
    numbers = MELD_DRAWS * sum(size + 1 for size in sizes)
    if numbers > KEPT_NUMBERS:
        rng = np.random.default_rng(MELD_SEED)
        return (_drawn(size, rng) for size in sizes)
    return _KEPT.of(sizes)


class _Kept:
    """The draws of a sequence of sizes, for the next interval over them, over more, or over the first of them.

    Drawing takes most of the time of a large run. The checkpoints of a series have the same sizes, and where
    all tasks have equally many worlds so have the task families, but for their number.
    """

    def __init__(self) -> None:
        self._one_at_a_time = Lock()
        self._begin()

    def _begin(self) -> None:
        self._sizes: tuple[int, ...] = ()
        self._draws: list[NDArray[np.float64]] = []
        self._rng = np.random.default_rng(MELD_SEED)

    def of(self, sizes: tuple[int, ...]) -> list[NDArray[np.float64]]:
        """The draws of each size; the same whatever was asked for before."""
        with self._one_at_a_time:
            if sizes[: len(self._sizes)] != self._sizes[: len(sizes)]:
                self._begin()
            for size in sizes[len(self._sizes) :]:
                self._draws.append(_drawn(size, self._rng))
                self._sizes += (size,)
            return self._draws[: len(sizes)]


_KEPT: Final = _Kept()


def _drawn(size: int, rng: np.random.Generator) -> NDArray[np.float64]:
    return rng.dirichlet(np.ones(size + 1), MELD_DRAWS)


def student_mean(strata: Sequence[Sequence[float]], level: float = 0.95) -> Interval:
    """The equally weighted mean of strata means of unbounded values, with Student's interval.

    Degrees of freedom after Welch and Satterthwaite. A sample without spread, or a stratum with
    one value, has no such interval: the point is given with the cause.
    """
    n = sum(len(stratum) for stratum in strata)
    if not strata or not all(strata):
        return Interval(None, None, None, n, NOT_MEASURED)
    point = math.fsum(math.fsum(stratum) / len(stratum) for stratum in strata) / len(strata)
    if min(len(stratum) for stratum in strata) < 2:
        return Interval(point, None, None, n, "no interval from one world of a task")
    parts = [float(np.var(stratum, ddof=1)) / len(stratum) / len(strata) ** 2 for stratum in strata]
    variance = math.fsum(parts)
    if variance <= 0:
        return Interval(point, None, None, n, "no interval from a constant sample")
    freedom = variance**2 / math.fsum(
        part**2 / (len(stratum) - 1) for part, stratum in zip(parts, strata, strict=True)
    )
    half = float(stdtrit(freedom, (1 + level) / 2)) * math.sqrt(variance)
    return Interval(point, point - half, point + half, n)


def _spacing_quantile(knots: list[float], share: float) -> float:
    """The ``share`` quantile of D·knots, D uniform over the simplex; ``knots`` ascend.

    The density of D·z is the B-spline of degree n - 1 with the n + 1 knots z (Curry & Schoenberg
    1966), so that its distribution function is a spline of degree n with coefficients 0 and then 1.
    """
    first, last, degree = knots[0], knots[-1], len(knots) - 1
    span = last - first
    # Narrower than double precision can resolve is a point; so are knots as close as that.
    if span <= RESOLUTION * max(1.0, abs(last)):
        return float(first)
    unit = [round((knot - first) / span / RESOLUTION) * RESOLUTION for knot in knots]
    padded = np.array([0.0] * degree + unit + [unit[-1]] * degree)
    spline = BSpline(padded, np.repeat([0.0, 1.0], degree), degree, extrapolate=False)

    def above(t: float) -> float:
        # At an end that several values share the spline's outermost cell is empty.
        return (float(spline(t)) if 0 < t < unit[-1] else float(t > 0)) - share

    return first + span * float(brentq(above, 0.0, unit[-1], xtol=RESOLUTION))


def _check_range(values: Sequence[float], low: float, high: float) -> None:
    for value in values:
        if not low <= value <= high:
            raise ValueError(f"{value} lies outside [{low}, {high}]")


def _shares(count: int, weights: Sequence[float] | None) -> list[float]:
    if weights is None:
        return [1 / count] * count
    if len(weights) != count:
        raise ValueError(f"{len(weights)} weights for {count} strata")
    total = math.fsum(weights)
    return [weight / total for weight in weights]
