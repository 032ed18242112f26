"""McNemar's exact test, and intervals and evidence that hold however often one looks."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from experiments.stats.anytime import always_valid_mean, always_valid_rate, e_value, half_width, mixture
from experiments.stats.intervals import Interval
from experiments.stats.mcnemar import Change, change


def test_nine_lost_and_one_gained_by_hand() -> None:
    found = Change(gained=1, lost=9, n=40)
    assert found.difference == -0.2
    # (1 + 10) / 1024 one-sided.
    assert found.p("less") == pytest.approx(11 / 1024)
    assert found.p() == pytest.approx(22 / 1024)
    assert found.p("greater") == pytest.approx(1 - 1 / 1024)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=30))
def test_mcnemar_is_the_binomial_test_of_the_pairs_that_differ(pairs: list[tuple[bool, bool]]) -> None:
    found = change(pairs)
    differing = found.gained + found.lost
    if differing:
        for side in ("two", "less", "greater"):
            oracle = stats.binomtest(
                found.gained, differing, alternative="two-sided" if side == "two" else side
            )
            assert found.p(side) == pytest.approx(oracle.pvalue)  # type: ignore[arg-type]
    else:
        assert found.p() == found.p("less") == 1.0


def test_no_pair_has_no_difference() -> None:
    assert change([]).difference is None


def test_the_normal_mixture_half_width_by_hand() -> None:
    rho2 = mixture(0.05, 100) ** 2
    assert rho2 == pytest.approx((-2 * math.log(0.05) + math.log(1 - 2 * math.log(0.05))) / 100)
    expected = 2 * math.sqrt(
        2 * (400 * rho2 + 1) / (400**2 * rho2) * math.log(math.sqrt(400 * rho2 + 1) / 0.05)
    )
    assert half_width(400, 2.0) == pytest.approx(expected)


def test_the_beta_binomial_evidence_by_hand() -> None:
    # B(1+3, 1+1)/B(1, 1) = 3!·1!/5! = 1/20, over 0.5^4.
    assert e_value(3, 1, 0.5, 1, 1) == pytest.approx(16 / 20)
    assert e_value(0, 0, 0.3) == pytest.approx(1.0)


@given(st.integers(0, 6), st.floats(0.05, 0.95), st.floats(0.3, 3), st.floats(0.3, 3))
def test_evidence_is_one_on_average_under_the_rate_that_it_speaks_against(
    n: int, rate: float, a: float, b: float
) -> None:
    average = sum(stats.binom.pmf(s, n, rate) * e_value(s, n - s, rate, a, b) for s in range(n + 1))
    assert average == pytest.approx(1.0)


@given(st.integers(0, 200), st.integers(0, 200))
def test_the_always_valid_rate_holds_the_point_and_is_wider_than_the_exact_one_look_interval(
    successes: int, failures: int
) -> None:
    found = always_valid_rate(successes, failures)
    if found.point is None or found.low is None or found.high is None:
        assert successes + failures == 0 and found.cause == "not measured"
        return
    assert 0 <= found.low <= found.point <= found.high <= 1
    for limit in (found.low, found.high):
        assert limit in (0, 1) or e_value(successes, failures, limit) == pytest.approx(20, rel=1e-3)


def test_too_few_or_constant_values_name_the_cause() -> None:
    assert always_valid_mean([]) == Interval(None, None, None, 0, "not measured")
    few = "no always-valid interval from 2 values; it needs 30"
    assert always_valid_mean([1.0, 2.0]) == Interval(1.5, None, None, 2, few)
    assert always_valid_mean([1.0] * 30).cause == "no interval from a constant sample"


LOOKS = 100


def test_a_fixed_level_test_that_is_repeated_rejects_far_too_often_and_the_always_valid_one_does_not() -> (
    None
):
    """100 looks, 10 normal values between two: a nominal 5 % becomes about a third and more."""
    rng = np.random.default_rng(0)
    sums = rng.normal(size=(2000, LOOKS, 10)).sum(axis=2).cumsum(axis=1)
    counts = 10 * np.arange(1, LOOKS + 1)
    means = np.abs(sums / counts)
    fixed = (means > 1.959964 / np.sqrt(counts)).any(axis=1).mean()
    valid = (means > [half_width(n, 1.0) for n in counts]).any(axis=1).mean()
    assert fixed > 0.3
    assert valid <= 0.05


@pytest.mark.parametrize("rate", [0.02, 0.3, 0.5])
def test_the_always_valid_rate_is_missed_in_at_most_5_percent_of_series_of_100_looks(rate: float) -> None:
    rng = np.random.default_rng(7)
    successes = (rng.random((4000, LOOKS, 5)) < rate).sum(axis=2).cumsum(axis=1)
    counts = 5 * np.arange(1, LOOKS + 1)
    table = {(int(s), int(n)): e_value(int(s), int(n - s), rate) for n in counts for s in range(n + 1)}
    evidence = np.array([[table[s, n] for s, n in zip(row, counts, strict=True)] for row in successes[:1000]])
    assert (evidence >= 20).any(axis=1).mean() <= 0.05


def test_the_estimated_interval_of_skewed_values_is_missed_in_at_most_5_percent_of_series() -> None:
    rng = np.random.default_rng(3)
    values = 2 * rng.beta(0.5, 1.5, size=(1000, 10 * LOOKS))
    counts = np.arange(30, 10 * LOOKS + 1, 10)
    means = values.cumsum(axis=1)[:, counts - 1] / counts
    squares = (values**2).cumsum(axis=1)[:, counts - 1] / counts
    sigma = np.sqrt((squares - means**2) * counts / (counts - 1))
    missed = np.abs(means - 0.5) > sigma * np.array([half_width(int(n), 1.0) for n in counts])
    assert missed.any(axis=1).mean() <= 0.05
    row = always_valid_mean(values[0, :50].tolist())
    assert row.high == pytest.approx(means[0, 2] + sigma[0, 2] * half_width(50, 1.0))
