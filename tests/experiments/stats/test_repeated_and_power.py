"""pass@k, score@k, power and several tests at once have known answers."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from experiments.stats.multiple import benjamini_hochberg, holm
from experiments.stats.power import Design, clean_episodes_needed, detectable, worlds_needed
from experiments.stats.repeated import BestOf, pass_at_k, score_at_k


@pytest.mark.parametrize(
    ("n", "c", "k", "value"),
    [(10, 3, 2, 8 / 15), (200, 7, 10, 0.3055988116), (5, 0, 3, 0.0), (5, 3, 3, 1.0), (4, 1, 1, 0.25)],
)
def test_pass_at_k_gives_the_published_values(n: int, c: int, k: int, value: float) -> None:
    assert pass_at_k(n, c, k) == BestOf(pytest.approx(value, abs=1e-10), n)


def test_pass_at_k_is_exact_where_factorials_overflow() -> None:
    assert pass_at_k(5000, 1, 2500).value == 0.5


@given(st.lists(st.floats(0, 2), min_size=1, max_size=7), st.integers(1, 7))
def test_score_at_k_is_the_mean_best_of_all_subsets(scores: list[float], k: int) -> None:
    found = score_at_k(scores, k)
    if k > len(scores):
        assert found == BestOf(
            None, len(scores), f"not measured: {len(scores)} tries say nothing unbiased of {k}"
        )
        return
    bests = [max(chosen) for chosen in combinations(scores, k)]
    assert found.value == pytest.approx(sum(bests) / len(bests), abs=1e-12)


@given(st.lists(st.booleans(), min_size=1, max_size=9), st.integers(1, 9))
def test_score_at_k_of_yes_and_no_is_pass_at_k(tries: list[bool], k: int) -> None:
    scores, passes = score_at_k([float(t) for t in tries], k), pass_at_k(len(tries), sum(tries), k)
    assert (scores.value, scores.n) == (pytest.approx(passes.value, abs=1e-12), passes.n)


def test_nothing_tried_is_not_measured() -> None:
    assert pass_at_k(0, 0, 1) == score_at_k([], 1) == BestOf(None, 0, "not measured")
    with pytest.raises(ValueError, match="3 of 2 is no proportion"):
        pass_at_k(2, 3, 1)
    with pytest.raises(ValueError, match="the best of 0 tries is nothing"):
        score_at_k([1.0], 0)


def test_millers_example_needs_969_questions() -> None:
    """δ = 0.03, ω² = 1/9, no variance within questions, 80 % power."""
    assert worlds_needed(Design(1 / 9), 0.03) == 969
    assert worlds_needed(Design(1 / 9, 1 / 6, 1 / 6, 10, 10), 0.03) == 1260


def test_three_hundred_held_out_items_show_a_gain_of_0_081() -> None:
    """Where a quarter of the paired items differ."""
    assert detectable(Design(0.25), 300) == pytest.approx(0.0809, abs=5e-5)


@given(st.floats(0.01, 1), st.floats(0, 1), st.integers(1, 20), st.floats(0.02, 0.5))
def test_what_is_needed_and_what_is_detectable_agree(
    between: float, within: float, k: int, delta: float
) -> None:
    design = Design(between, within, within, k, k)
    needed = worlds_needed(design, delta)
    assert detectable(design, needed) <= delta * (1 + 1e-9)
    assert needed == 1 or detectable(design, needed - 1) > delta


@pytest.mark.parametrize(("rate", "n"), [(0.139, 21), (0.058, 51), (0.03, 99), (0.01, 299)])
def test_a_clean_cell_needs_so_many_episodes(rate: float, n: int) -> None:
    assert clean_episodes_needed(rate) == n


def test_a_design_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match="variances are at least 0"):
        Design(-1.0)
    with pytest.raises(ValueError, match="level and power lie between"):
        Design(1.0, power=1.0)
    with pytest.raises(ValueError, match="is not 0 and finite"):
        worlds_needed(Design(1.0), 0.0)


def test_holm_and_benjamini_hochberg_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert benjamini_hochberg([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.04, 0.04])
    assert holm([]) == benjamini_hochberg([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_benjamini_hochberg_agrees_with_scipy(p_values: list[float]) -> None:
    assert benjamini_hochberg(p_values) == pytest.approx(false_discovery_control(p_values).tolist())
    pairs = zip(p_values, benjamini_hochberg(p_values), holm(p_values), strict=True)
    assert all(
        p <= discovery + 1e-12 and discovery <= familywise + 1e-12 for p, discovery, familywise in pairs
    )
