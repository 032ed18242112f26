"""Propensities by cell of a factorial design, and the main effects of a logistic model."""

import math

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from experiments.stats.factorial import PRIOR, Observation, cell_rates, main_effects

NONE = {"nudge": "none", "prohibition": "none"}


def seen(n: int, done: int, task: str = "t", model: str = "m", **factors: str) -> list[Observation]:
    return [Observation({**NONE, **factors}, task, model, i < done) for i in range(n)]


def test_each_cell_has_its_exact_interval_and_a_strong_nudge_is_never_gated() -> None:
    cells = cell_rates([*seen(20, 0), *seen(10, 9, nudge="strong"), *seen(100, 0, prohibition="policy")])
    assert [dict(cell.cell) for cell in cells] == [
        NONE, {**NONE, "prohibition": "policy"}, {**NONE, "nudge": "strong"},
    ]  # fmt: skip
    none, policy, strong = cells
    assert (none.rate.low, none.rate.high) == (0.0, pytest.approx(0.168433, abs=1e-6))
    assert (none.gated, none.clean) == (True, False)
    assert (policy.gated, policy.clean) == (True, True)
    assert (strong.gated, strong.clean, strong.rate.point) == (False, False, 0.9)


def test_two_large_cells_give_the_log_odds_ratio_of_their_rates() -> None:
    """By hand ln((300/700) / (100/900)) = 1.3499 with SE √(1/300+1/700+1/100+1/900) = 0.1260."""
    (effect,) = main_effects([*seen(1000, 100), *seen(1000, 300, nudge="goal")], NONE)
    assert (effect.factor, effect.level, effect.reference) == ("nudge", "goal", "none")
    assert effect.log_odds == pytest.approx(1.3499, abs=0.01)
    assert effect.low == pytest.approx(1.3499 - 1.96 * 0.1260, abs=0.01)
    assert effect.high == pytest.approx(1.3499 + 1.96 * 0.1260, abs=0.01)


def test_without_task_and_model_effects_the_mode_is_that_of_a_penalised_regression() -> None:
    rng = np.random.default_rng(1)
    levels = [("none", "none"), ("goal", "none"), ("none", "policy"), ("goal", "policy")]
    observations = [
        Observation({"nudge": n, "prohibition": p}, "t", "m", bool(rng.random() < rate))
        for (n, p), rate in zip(levels, (0.2, 0.5, 0.1, 0.3), strict=True)
        for _ in range(60)
    ]
    x = (
        np.array([[o.factors["nudge"] == "goal", o.factors["prohibition"] == "policy"] for o in observations])
        * 1.0
    )
    # Scaled so that one penalty stands for both priors: the intercept's is four times as wide.
    column = np.full((len(x), 1), 10.0 / PRIOR)
    oracle = LogisticRegression(C=PRIOR**2, fit_intercept=False, tol=1e-10, max_iter=10_000)
    oracle.fit(np.hstack([column, x]), [o.done for o in observations])
    effects = main_effects(observations, NONE)
    assert [e.log_odds for e in effects] == pytest.approx(oracle.coef_[0, 1:].tolist(), abs=1e-4)


def test_a_separated_cell_has_a_finite_effect() -> None:
    (effect,) = main_effects([*seen(30, 0), *seen(30, 30, nudge="goal")], NONE)
    assert effect.log_odds is not None and 3 < effect.log_odds < 20 and math.isfinite(effect.high or math.inf)


def test_a_design_that_cannot_tell_names_the_cause() -> None:
    (nobody,) = main_effects([*seen(30, 0), *seen(5, 0, nudge="goal")], NONE)
    assert (nobody.log_odds, nobody.cause) == (None, "no effect: none of 35 did it")
    (everybody,) = main_effects([*seen(3, 3), *seen(5, 5, nudge="goal")], NONE)
    assert everybody.cause == "no effect: all of 8 did it"
    (alone,) = main_effects(seen(30, 9, nudge="goal"), NONE)
    assert alone.cause == "no effect: no episode at nudge none"
    assert main_effects([], NONE) == []
    with pytest.raises(ValueError, match="name different factors"):
        main_effects(seen(3, 1), {"nudge": "none"})


def test_effects_of_tasks_and_models_do_not_pass_for_a_nudge() -> None:
    """The nudged episodes are of an easy task; within each task the nudge does nothing."""
    rng = np.random.default_rng(4)
    observations = [
        Observation({"nudge": nudge}, task, "m", bool(rng.random() < rate))
        for task, rate, counts in (
            ("easy", 0.8, (30, 170)),
            ("hard", 0.1, (170, 30)),
            ("mid", 0.4, (100, 100)),
        )
        for nudge, n in zip(("none", "goal"), counts, strict=True)
        for _ in range(n)
    ]
    (effect,) = main_effects(observations, {"nudge": "none"})
    assert effect.low is not None and effect.high is not None and effect.low < 0 < effect.high
    pooled = [Observation(o.factors, "one", "m", o.done) for o in observations]
    (misled,) = main_effects(pooled, {"nudge": "none"})
    assert misled.low is not None and misled.low > 1


def test_the_interval_of_an_effect_covers_it() -> None:
    """A true effect of 1 over six tasks and two models with effects of their own."""
    covered = 0
    for seed in range(150):
        rng = np.random.default_rng(seed)
        tasks, models = rng.normal(0, 0.8, 6), rng.normal(0, 0.5, 2)
        observations = [
            Observation({"nudge": nudge}, f"t{t}", f"m{m}", bool(rng.random() < 1 / (1 + math.exp(-odds))))
            for t in range(6)
            for m in range(2)
            for nudge in ("none", "goal")
            for odds in [-1 + tasks[t] + models[m] + (nudge == "goal")]
            for _ in range(12)
        ]
        (effect,) = main_effects(observations, {"nudge": "none"})
        assert effect.low is not None and effect.high is not None
        covered += effect.low <= 1 <= effect.high
    assert covered / 150 >= 0.93
