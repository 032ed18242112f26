"""Time horizons: the fit has known answers and agrees with an exact optimiser."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from experiments.stats.horizon.fit import fit_agents, fit_curves
from experiments.stats.horizon.table import Run, tabulate


def runs_at(agent: str, *tasks: tuple[float, Sequence[float]]) -> list[Run]:
    """Runs at tasks of (minutes, scores), each task a family of its own."""
    return [Run(agent, f"t{m}", f"f{m}", m, score) for m, scores in tasks for score in scores]


def test_three_of_four_at_one_minute_and_one_of_four_at_sixteen_is_a_horizon_of_four() -> None:
    """By symmetry log-odds are 0 half-way in octaves, whatever the penalty."""
    table = tabulate(runs_at("a", (1, [1, 1, 1, 0]), (16, [1, 0, 0, 0])))
    for penalty in (1e-5, 0.1, 10.0):
        assert 2 ** fit_agents(table, penalty).octaves(0.5)[0] == pytest.approx(4.0, rel=1e-9)


def test_almost_without_penalty_two_tasks_give_the_log_odds_of_their_rates() -> None:
    # Slope (ln(1/3) − ln 3) / 4 octaves, so success passes 0.8 at 2 + (ln 4 / slope) octaves.
    curves = fit_agents(tabulate(runs_at("a", (1, [1, 1, 1, 0]), (16, [1, 0, 0, 0]))), 1e-12)
    assert curves.slope[0] == pytest.approx(-np.log(3) / 2, rel=1e-6)
    assert curves.octaves(0.8)[0] == pytest.approx(2 - 2 * np.log(4) / np.log(3), rel=1e-6)


def test_a_score_of_three_quarters_is_three_successes_of_four() -> None:
    whole = tabulate(runs_at("a", (1, [1, 1, 1, 0]), (16, [1, 0, 0, 0])))
    shares = tabulate(runs_at("a", (1, [0.75]), (16, [0.25])))
    assert fit_agents(shares, 0.1).slope == pytest.approx(fit_agents(whole, 0.1).slope, rel=1e-9)


def test_a_run_weighs_one_over_runs_of_its_task_and_root_of_its_family() -> None:
    """Two families, of four tasks and of one: √4 against √1, then split over tasks and runs."""
    runs = [Run("a", f"t{i}", "big", 1.0 + i, 1) for i in range(4)]
    runs += [Run("a", "alone", "small", 30, 0), Run("a", "alone", "small", 30, 1)]
    table = tabulate(runs)
    assert sorted(table.weights[0] * table.runs[0]) == pytest.approx([1 / 6] * 4 + [1 / 3])
    assert sorted(table.weights[0]) == pytest.approx([1 / 6] * 5)
    assert float((table.weights * table.runs).sum()) == pytest.approx(1.0)


def test_weights_count_the_tasks_that_the_agent_itself_met() -> None:
    runs = [Run("a", f"t{i}", "f", 1.0 + i, i % 2) for i in range(4)]
    runs += [Run("b", "t0", "f", 1.0, 1), Run("b", "u", "g", 8.0, 0)]
    table = tabulate(runs)
    assert sorted(table.weights[table.index("b")]) == pytest.approx([0, 0, 0, 0.5, 0.5])


def oracle(x: np.ndarray, passed: np.ndarray, failed: np.ndarray, penalty: float) -> tuple[float, float]:
    """scikit-learn's minimum of the same sum, by an exact method."""
    model = LogisticRegression(C=1 / penalty, tol=1e-10, max_iter=100_000, solver="newton-cholesky")
    features = np.concatenate([x, x])[:, None]
    model.fit(features, np.repeat([1, 0], len(x)), sample_weight=np.concatenate([passed, failed]))
    return float(model.intercept_[0]), float(model.coef_[0, 0])


CASES: dict[str, tuple[list[float], list[float], list[float]]] = {
    "mixed": ([-2, 0, 1, 3, 7, 9], [4, 3, 4, 2, 1, 0], [0, 1, 0, 2, 3, 4]),
    "separable": ([0, 1, 2, 6, 7, 8], [1, 1, 1, 0, 0, 0], [0, 0, 0, 1, 1, 1]),
    "rising": ([0, 1, 2, 6], [1, 1, 2, 4], [3, 3, 2, 0]),
    "one success": ([0, 3, 5, 9], [1, 0, 0, 0], [3, 4, 4, 4]),
    "tiny weights": ([0, 3, 5, 9], [1e-4, 1e-3, 0, 2e-5], [1e-5, 1e-3, 3e-4, 1e-4]),
}


@pytest.mark.parametrize("penalty", [1e-5, 0.1])
@pytest.mark.parametrize("case", list(CASES))
def test_the_fit_agrees_with_an_exact_optimiser(case: str, penalty: float) -> None:
    x, passed, failed = (np.array(part, dtype=float) for part in CASES[case])
    scale = 1.0 if case == "tiny weights" else (passed + failed).sum()
    curves = fit_curves(x, passed[None] / scale, failed[None] / scale, penalty)
    intercept, slope = oracle(x, passed / scale, failed / scale, penalty)
    assert curves.intercept[0] == pytest.approx(intercept, rel=1e-6, abs=1e-6)
    assert curves.slope[0] == pytest.approx(slope, rel=1e-6, abs=1e-6)


weights = st.lists(st.integers(0, 5), min_size=5, max_size=5)


@settings(max_examples=60)
@given(weights, weights, st.sampled_from([1e-5, 0.1]))
def test_the_gradient_vanishes_at_every_fit(wins: list[int], losses: list[int], penalty: float) -> None:
    """Σ w(p − y) = 0 and Σ w(p − y)x + λ·b1 = 0, which only the minimum fulfils."""
    x = np.array([-1.0, 0.5, 2.0, 4.0, 9.0])
    passed, failed = np.array([wins], dtype=float), np.array([losses], dtype=float)
    curves = fit_curves(x, passed, failed, penalty)
    if not passed.any() or not failed.any():
        assert curves.one_class[0] and np.isnan(curves.slope[0])
        return
    share = 1 / (1 + np.exp(-(curves.intercept[0] + curves.slope[0] * x)))
    residual = (passed[0] + failed[0]) * share - passed[0]
    assert residual.sum() == pytest.approx(0, abs=1e-7)
    assert residual @ x + penalty * curves.slope[0] == pytest.approx(0, abs=1e-7)


def test_many_fits_at_once_are_the_same_as_one_at_a_time() -> None:
    rng = np.random.default_rng(5)
    x = rng.uniform(-3, 10, 20)
    passed, failed = rng.integers(0, 4, (600, 20)) * 1.0, rng.integers(0, 4, (600, 20)) * 1.0
    together = fit_curves(x, passed, failed, 1e-5)
    for row in (0, 255, 256, 599):
        alone = fit_curves(x, passed[row : row + 1], failed[row : row + 1], 1e-5)
        assert alone.slope[0] == pytest.approx(together.slope[row], rel=1e-9)


def test_where_success_does_not_fall_the_horizon_lies_beyond_all_lengths() -> None:
    always: Any = fit_curves(np.array([0.0, 4.0]), np.array([[9.0, 9.0]]), np.array([[1.0, 0.5]]), 0.1)
    never: Any = fit_curves(np.array([0.0, 4.0]), np.array([[0.5, 1.0]]), np.array([[9.0, 9.0]]), 0.1)
    assert (always.octaves(0.5)[0], never.octaves(0.5)[0]) == (np.inf, -np.inf)
