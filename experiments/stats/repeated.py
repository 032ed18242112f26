"""What k tries would bring, from n independent ones: pass@k and score@k, both unbiased.

pass@k after Chen et al. (2021, "Evaluating Large Language Models Trained on Code"): 1 − C(n−c, k)/C(n, k), the
share of the k-subsets of n tries with at least one of the c successes in it. score@k is the same for scores: the
mean over all k-subsets of their best, Σ_{i≥k} C(i−1, k−1)·s₍ᵢ₎ / C(n, k) over ascending scores.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class BestOf:
    """The expected best of k tries, from ``n``; ``cause`` says why ``value`` is None."""

    value: float | None
    n: int
    cause: str | None = None


def pass_at_k(n: int, successes: int, k: int) -> BestOf:
    """The chance that k tries hold a success.

    Raises:
        ValueError: not 0 ≤ successes ≤ n, or k below 1.
    """
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} of {n} is no proportion")
    short = _too_few(n, k)
    if short is not None:
        return short
    # Exact: the quotient of two integers, however large.
    return BestOf(float(1 - Fraction(math.comb(n - successes, k), math.comb(n, k))), n)


def score_at_k(scores: Sequence[float], k: int) -> BestOf:
    """The expected best score of k tries.

    Raises:
        ValueError: k below 1, or a score that is not finite.
    """
    if not all(map(math.isfinite, scores)):
        raise ValueError("a score is not finite")
    n = len(scores)
    short = _too_few(n, k)
    if short is not None:
        return short
    every = math.comb(n, k)
    shares = (Fraction(math.comb(i - 1, k - 1), every) for i in range(k, n + 1))
    value = math.fsum(
        float(share) * score for share, score in zip(shares, sorted(scores)[k - 1 :], strict=True)
    )
    return BestOf(value, n)


def _too_few(n: int, k: int) -> BestOf | None:
    if k < 1:
        raise ValueError(f"the best of {k} tries is nothing")
    if n == 0:
        return BestOf(None, 0, "not measured")
    return BestOf(None, n, f"not measured: {n} tries say nothing unbiased of {k}") if n < k else None
