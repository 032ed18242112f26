"""Means of clustered values, and their intervals where clusters are few, tied or constant."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.stats.clusters import clustered_mean
from experiments.stats.intervals import Interval
from experiments.stats.paired import paired_mean

groups = st.lists(st.lists(st.integers(0, 8), min_size=1, max_size=4), min_size=5, max_size=10)


def test_eight_clusters_of_one_span_students_interval() -> None:
    values = [0.1, 0.4, 0.5, 0.5, 0.6, 0.6, 0.7, 1.0]
    found = clustered_mean({i: [v] for i, v in enumerate(values)})
    student = paired_mean({i: [v] for i, v in enumerate(values)})
    assert found.point == pytest.approx(0.55) and found.low is not None and found.high is not None
    assert student.low is not None and student.high is not None
    assert found.low <= student.low + 1e-12 and student.high - 1e-12 <= found.high


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, Interval(None, None, None, 0, "not measured")),
        ({1: []}, Interval(None, None, None, 0, "not measured")),
        ({1: [0.5, 1.5]}, Interval(1.0, None, None, 2, "no interval from 1 cluster; it needs 5")),
        (
            {i: [1.0, 1.0] for i in range(9)},
            Interval(1.0, None, None, 18, "no interval from a constant sample"),
        ),
    ],
)
def test_a_degenerate_sample_names_its_cause(values: dict[int, list[float]], expected: Interval) -> None:
    assert clustered_mean(values) == expected


def test_where_one_cluster_of_nine_differs_there_is_no_interval_but_a_cause() -> None:
    """Every third draw lacks that cluster and has no spread; Student's interval would end far below 0.5."""
    found = clustered_mean({i: [float(i == 0)] for i in range(9)})
    assert found == Interval(1 / 9, None, None, 9, "no interval: too few clusters differ")
    paired = paired_mean({i: [float(i == 0)] for i in range(9)})
    assert (paired.low, paired.cause) == (None, "no interval: too few worlds differ")
    assert paired.p == 1.0


def test_values_of_the_opposite_sign_give_the_opposite_limits() -> None:
    values = {i: [x] for i, x in enumerate([0.1, 0.2, 0.2, 0.3, 0.4, 0.9, 2.5])}
    there, back = clustered_mean(values), clustered_mean({i: [-x] for i, (x,) in values.items()})
    assert there.low is not None and there.high is not None
    assert (back.low, back.high) == (pytest.approx(-there.high), pytest.approx(-there.low))
    assert there.high - 0.657 > 0.657 - there.low


@settings(max_examples=25)
@given(groups, st.randoms(use_true_random=False))
def test_neither_the_order_nor_the_names_of_clusters_change_the_interval(
    values: list[list[int]], chance: object
) -> None:
    before = clustered_mean(dict(enumerate(values)), draws=200)
    shuffled = [group[::-1] for group in values]
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    after = clustered_mean({f"c{i}": g for i, g in enumerate(shuffled)}, draws=200)
    assert (after.low, after.high) == (pytest.approx(before.low), pytest.approx(before.high))


@settings(max_examples=25)
@given(groups)
def test_limits_lie_around_the_point_and_in_the_range(values: list[list[int]]) -> None:
    found = clustered_mean(dict(enumerate(values)), low=0, high=8, draws=200)
    assert found.point is not None
    if found.low is None or found.high is None:
        assert found.cause is not None
    else:
        assert 0 <= found.low <= found.point <= found.high <= 8


def drawn(kind: str, clusters: int, rng: np.random.Generator) -> dict[int, list[float]]:
    """Clusters of one to five values with an effect of their own; the mean of all is 1."""
    sizes = rng.integers(1, 6, clusters)
    effects = {
        "normal": rng.normal(1, 1, clusters),
        "skewed": rng.exponential(1, clusters),
        "ties": rng.choice([0.0, 1.0, 2.0], clusters),
        "rare": 10.0 * (rng.random(clusters) < 0.1),
    }[kind]
    spread = 0.5 if kind in ("normal", "skewed") else 0.0
    return {c: (effects[c] + spread * rng.normal(size=sizes[c])).tolist() for c in range(clusters)}


def covered(kind: str, clusters: int, samples: int = 800) -> float:
    rng = np.random.default_rng(clusters)
    held = []
    for _ in range(samples):
        found = clustered_mean(drawn(kind, clusters, rng), draws=600)
        if found.low is not None and found.high is not None:
            held.append(found.low <= 1 <= found.high)
    return float(np.mean(held))


@pytest.mark.parametrize("kind", ["normal", "skewed", "ties", "rare"])
@pytest.mark.parametrize("clusters", [8, 30])
def test_nominal_95_percent_covers_at_least_93_and_with_many_clusters_at_most_97(
    kind: str, clusters: int
) -> None:
    share = covered(kind, clusters)
    assert share >= 0.93
    assert clusters < 30 or kind in ("ties", "rare") or share <= 0.97
