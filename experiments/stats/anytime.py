"""Intervals and evidence that hold however often one looks.

A periodic regression looks again after every run. A test at a fixed level then rejects far too often; these
hold over all looks at once, by Ville's inequality: a nonnegative martingale that starts at 1 exceeds 1/α
with a chance of at most α, ever.

The interval is Robbins' normal mixture (1970; Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas 2024,
"Time-uniform central limit theory and asymptotic confidence sequences"):
σ·√(2(tρ²+1)/(t²ρ²)·ln(√(tρ²+1)/α)). The e-value of a rate mixes over a beta distribution:
B(a+S, b+F) / B(a, b) / (p^S·(1−p)^F); the rates whose e-value is below 1/α are an interval that always holds.
"""

import math
from collections.abc import Callable, Sequence
from typing import Final

from scipy.optimize import brentq
from scipy.special import betaln

from experiments.stats.intervals import NOT_MEASURED, Interval

#: Looks before which the asymptotic interval of a mean is not shown: its variance is not yet known.
FIRST_LOOK: Final = 30
_EDGE: Final = 1e-12


def half_width(looks: int, sigma: float, level: float = 0.05, tuned: int = 100) -> float:
    """Half the width of the interval of a mean after ``looks`` values with standard deviation ``sigma``.

    Args:
        looks: values so far, at least 1.
        sigma: known, or estimated from many values.
        level: the chance of ever missing the mean, two-sided.
        tuned: the number of values at which the interval is about narrowest.

    Raises:
        ValueError: an argument out of its range.
    """
    if looks < 1 or tuned < 1 or sigma < 0 or not 0 < level < 1:
        raise ValueError("looks and tuned are at least 1, sigma at least 0, level between 0 and 1")
    rho2 = mixture(level, tuned) ** 2
    grown = looks * rho2 + 1
    return sigma * math.sqrt(2 * grown / (looks**2 * rho2) * math.log(math.sqrt(grown) / level))


def mixture(level: float, tuned: int) -> float:
    """ρ for an interval that is about narrowest after ``tuned`` values (Waudby-Smith et al. 2024, B.2)."""
    log = -2 * math.log(level)
    return math.sqrt((log + math.log(log + 1)) / tuned)


def always_valid_mean(values: Sequence[float], level: float = 0.05, tuned: int = 100) -> Interval:
    """The mean of ``values``, in the order seen, with an interval that holds at every look from the 30th on.

    Asymptotic: the standard deviation is that of the values so far.
    """
    n = len(values)
    if n == 0:
        return Interval(None, None, None, 0, NOT_MEASURED)
    point = math.fsum(values) / n
    if n < FIRST_LOOK:
        return Interval(
            point, None, None, n, f"no always-valid interval from {n} values; it needs {FIRST_LOOK}"
        )
    sigma = math.sqrt(math.fsum((value - point) ** 2 for value in values) / (n - 1))
    if sigma == 0:
        return Interval(point, None, None, n, "no interval from a constant sample")
    half = half_width(n, sigma, level, tuned)
    return Interval(point, point - half, point + half, n)


def e_value(successes: int, failures: int, rate: float, a: float = 0.5, b: float = 0.5) -> float:
    """Evidence against a success rate of ``rate``: its expectation is 1 under it, at every look.

    Args:
        a: of the beta distribution that is mixed over; 1/2 and 1/2 bet on no particular rate.
        b: likewise.

    Raises:
        ValueError: a negative count, or a rate that does not lie strictly between 0 and 1.
    """
    return math.exp(min(700.0, _log_e(successes, failures, rate, a, b)))


def always_valid_rate(successes: int, failures: int, level: float = 0.05) -> Interval:
    """A rate with an interval that holds at every look, from the first: the rates with an e-value below 1/level.

    Raises:
        ValueError: a negative count.
    """
    n = successes + failures
    if min(successes, failures) < 0:
        raise ValueError("a count is at least 0")
    if n == 0:
        return Interval(None, None, None, 0, NOT_MEASURED)
    point = successes / n

    def excess(rate: float) -> float:
        return _log_e(successes, failures, rate, 0.5, 0.5) + math.log(level)

    low = 0.0 if successes == 0 else _crossing(excess, _EDGE, point)
    high = 1.0 if failures == 0 else _crossing(excess, 1 - _EDGE, point)
    return Interval(point, low, high, n)


def _crossing(excess: Callable[[float], float], edge: float, point: float) -> float:
    """Where the evidence against a rate passes the level, between an edge and the point."""
    inner = min(max(point, _EDGE), 1 - _EDGE)
    if excess(edge) <= 0:
        return round(edge)
    return float(brentq(excess, *sorted((edge, inner)), xtol=1e-12))


def _log_e(successes: int, failures: int, rate: float, a: float, b: float) -> float:
    if min(successes, failures) < 0 or not 0 < rate < 1 or min(a, b) <= 0:
        raise ValueError("counts are at least 0, the rate lies between 0 and 1, a and b above 0")
    likelihood = successes * math.log(rate) + failures * math.log1p(-rate)
    return float(betaln(a + successes, b + failures) - betaln(a, b)) - likelihood
