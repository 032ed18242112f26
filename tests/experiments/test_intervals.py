"""Intervals hold their level in small samples, and never degenerate."""

import random
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.stats.intervals import (
    Interval,
    bounded_mean,
    clopper_pearson,
    stratified_mean,
    student_mean,
)

scores = st.lists(st.floats(0, 2, allow_nan=False), min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [
        (0, 4, 0.0, 0.602365),
        (4, 4, 0.397635, 1.0),
        (0, 8, 0.0, 0.369417),
        (9, 12, 0.428142, 0.945139),
        (0, 20, 0.0, 0.168433),
        (0, 100, 0.0, 0.036217),
    ],
)
def test_clopper_pearson_gives_the_published_limits(k: int, n: int, low: float, high: float) -> None:
    interval = clopper_pearson(k, n)
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=1e-6)


def test_clopper_pearson_one_sided_reproduces_the_upper_limits_of_clean_cells() -> None:
    """A two-sided 90 % interval has the one-sided 95 % limits: 0/20 gives 13.9 %, 0/300 1.0 %."""
    upper = [clopper_pearson(0, n, level=0.9).high for n in (20, 50, 100, 300)]
    assert upper == pytest.approx([0.139, 0.058, 0.030, 0.010], abs=5e-4)


def test_no_episode_has_no_interval_and_says_so() -> None:
    nothing = Interval(None, None, None, 0, "not measured")
    assert clopper_pearson(0, 0) == nothing
    assert bounded_mean([]) == nothing
    assert stratified_mean([]) == nothing
    assert stratified_mean([[1.0], []]).point is None


@pytest.mark.parametrize(("k", "n"), [(0, 1), (1, 1), (0, 4), (2, 4), (4, 4), (9, 12), (5, 64)])
def test_bounded_mean_of_yes_and_no_equals_clopper_pearson(k: int, n: int) -> None:
    exact = clopper_pearson(k, n)
    mean = bounded_mean([0.0] * (n - k) + [1.0] * k, 0, 1)
    assert (mean.low, mean.high) == pytest.approx((exact.low, exact.high), abs=1e-9)


def test_bounded_mean_agrees_with_a_simulation_of_its_definition() -> None:
    values = [0.3, 0.3, 0.4, 1.2, 1.2, 1.2, 1.99]
    weights = np.random.default_rng(1).dirichlet(np.ones(8), 200_000)
    interval = bounded_mean(values)
    assert interval.low == pytest.approx(np.quantile(weights @ np.array([0, *values]), 0.025), abs=0.005)
    assert interval.high == pytest.approx(np.quantile(weights @ np.array([*values, 2]), 0.975), abs=0.005)


def test_constant_samples_keep_a_wide_interval() -> None:
    interval = bounded_mean([1.0, 1.0, 1.0, 1.0])
    assert (interval.low, interval.high) == pytest.approx((0.397635, 1.602365), abs=1e-6)


def test_values_outside_the_range_are_refused() -> None:
    with pytest.raises(ValueError, match=r"2\.1 lies outside \[0\.0, 2\.0\]"):
        bounded_mean([2.1])


@given(scores)
def test_limits_lie_in_the_range_and_around_the_point(values: list[float]) -> None:
    interval = bounded_mean(values)
    assert interval.low is not None and interval.point is not None and interval.high is not None
    assert 0 <= interval.low <= interval.point <= interval.high <= 2
    assert interval.high - interval.low > 1e-6


@given(scores, st.randoms(use_true_random=False))
def test_the_order_of_the_worlds_does_not_matter(values: list[float], chance: random.Random) -> None:
    shuffled = values.copy()
    chance.shuffle(shuffled)
    assert bounded_mean(shuffled) == bounded_mean(values)


@given(scores, st.integers(0, 11), st.floats(0, 2))
def test_a_better_world_never_lowers_a_limit(values: list[float], index: int, better: float) -> None:
    raised = values.copy()
    raised[index % len(values)] = max(better, raised[index % len(values)])
    before, after = bounded_mean(values), bounded_mean(raised)
    assert before.low is not None and after.low is not None
    assert before.high is not None and after.high is not None
    assert after.low >= before.low - 1e-7
    assert after.high >= before.high - 1e-7


@settings(max_examples=15)
@given(st.lists(scores, min_size=2, max_size=3))
def test_relabelling_the_tasks_changes_nothing(strata: list[list[float]]) -> None:
    forward, backward = stratified_mean(strata), stratified_mean(strata[::-1])
    assert (forward.low, forward.high) == (backward.low, backward.high)


def test_tasks_weigh_the_same_however_many_worlds_they_have() -> None:
    assert stratified_mean([[2.0] * 6, [0.0, 0.0]]).point == pytest.approx(1.0)
    assert stratified_mean([[2.0], [0.0]], weights=[3, 1]).point == pytest.approx(1.5)


def test_one_stratum_is_the_bounded_mean() -> None:
    assert stratified_mean([[0.5, 0.7, 1.1]]) == bounded_mean([0.5, 0.7, 1.1])


WORLDS: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "all fail": lambda rng, n: np.zeros(n),
    "all succeed": lambda rng, n: np.ones(n),
    "rare success": lambda rng, n: (rng.random(n) < 0.1) * 1.0,
    "ties": lambda rng, n: rng.choice([0.0, 0.5, 1.0], n),
    "skewed": lambda rng, n: 2 * rng.beta(0.3, 2, n),
}
MEANS = {"all fail": 0.0, "all succeed": 1.0, "rare success": 0.1, "ties": 0.5, "skewed": 0.6 / 2.3}


@pytest.mark.parametrize("kind", list(WORLDS))
@pytest.mark.parametrize("n", [2, 4, 8])
def test_nominal_95_percent_covers_at_least_93(kind: str, n: int) -> None:
    rng = np.random.default_rng(20)
    intervals = [bounded_mean(WORLDS[kind](rng, n).tolist()) for _ in range(300)]
    covered = sum(
        (i.low or 0) <= MEANS[kind] + 1e-9 and MEANS[kind] - 1e-9 <= (i.high or 2) for i in intervals
    )
    assert covered / 300 >= 0.93


def test_melded_tasks_cover_at_least_93_percent() -> None:
    rng = np.random.default_rng(3)
    covered = 0
    for _ in range(120):
        strata = [(rng.random(4) < 0.2).astype(float).tolist(), (rng.random(3) < 0.7).astype(float).tolist()]
        interval = stratified_mean(strata)
        covered += (interval.low or 0) <= 0.45 <= (interval.high or 0)
    assert covered / 120 >= 0.93


def test_student_interval_of_one_stratum_is_the_textbook_one() -> None:
    interval = student_mean([[1.0, 2.0, 3.0, 4.0]])
    assert interval.point == 2.5
    assert (interval.low, interval.high) == pytest.approx((0.445739, 4.554261), abs=1e-6)


def test_student_interval_names_why_it_is_missing() -> None:
    assert student_mean([[3.0, 3.0]]) == Interval(3.0, None, None, 2, "no interval from a constant sample")
    assert student_mean([[3.0]]) == Interval(3.0, None, None, 1, "no interval from one world of a task")
