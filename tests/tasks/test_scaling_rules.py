"""judgement/scaling: half for the run that is recommended, half for its forecast, by a law with a known best run."""

import asyncio
import hashlib
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.pocket.workshop import workshop
from sandbox.files import Collection
from sandbox.models.scripted import ScriptedModel
from tasks.grading import Grade, Submission
from tasks.suite.judgement.scaling import law
from tasks.suite.judgement.scaling.world import LEVELS, REGRET, TOLERANCE, Hidden, recommended, run_of
from tasks.task import load_task
from tasks.trials import Unfit
from tasks.world import World

SCALING = load_task("judgement/scaling")
WORLDS = 10
RUN = {"width": 64, "steps": 1000, "rate": 0.01}
PLAIN = law.Law(
    floor=1.5, wide=2.0, by_width=0.5, long=20.0, by_steps=0.5, knee=np.inf, rate=-2.0, rate_by_width=0.5,
    rate_by_steps=0.1, bowl=0.4,
)  # fmt: skip


class Bench:
    """A bench that no box is asked of."""

    def box(self, *services: object) -> Any:
        raise AssertionError("nothing of the agent's runs")

    def emit(self, kind: str, data: dict[str, Any]) -> None:
        pass


def world(index: int, level: str = "L0") -> World:
    return SCALING.draw(hashlib.sha256(f"world {index}".encode()).digest(), level, "plain")


def grade(drawn: World, recommendation: bytes) -> Grade:
    work = Collection({"recommendation.json": recommendation})
    return asyncio.run(SCALING.grade(drawn, Submission(work, Collection({}), (), ()), Bench()))


def shown(drawn: World) -> bytes:
    return next(file.content for file in drawn.files if file.path == "work/recommendation.json")


def best(hidden: Hidden) -> dict[str, Any]:
    run, loss = hidden.law.best(hidden.target)
    return run._asdict() | {"loss": loss}


def test_a_run_at_its_best_rate_has_the_loss_of_the_law() -> None:
    assert PLAIN.best_rate(64, 1000) == -2.0
    assert PLAIN.loss(law.TrainingRun(64, 10_000, 10**-2.1)) == pytest.approx(1.5 + 2 / 8 + 20 / 100)


def test_a_wrong_rate_costs_its_square_and_soon_more_above_the_best() -> None:
    at_best = PLAIN.loss(law.TrainingRun(64, 1000, 10**-2.0))
    assert PLAIN.loss(law.TrainingRun(64, 1000, 10**-3.0)) - at_best == pytest.approx(0.4)
    assert PLAIN.loss(law.TrainingRun(64, 1000, 10**-1.0)) - at_best == pytest.approx(0.4 * (1 + 6 * 0.36))


def test_beyond_the_knee_more_width_gains_nothing() -> None:
    short = replace(PLAIN, knee=64.0)
    narrow, wide = (short.at_best_rate(np.array([w]), np.array([1e4]))[0] for w in (300.0, 1000.0))
    assert narrow - wide < 0.001
    assert short.best(100_000)[0].width < PLAIN.best(100_000)[0].width


@given(st.integers(*law.WIDTHS), st.integers(50, 10**6), st.floats(-5, 0))
def test_no_run_of_the_target_is_better_than_the_best(width: int, steps: int, rate: float) -> None:
    run = law.TrainingRun(width, steps, 10**rate)
    target = max(1_000, law.price(run))
    assert PLAIN.loss(run) >= PLAIN.best(target)[1] - 1e-12


def test_a_run_costs_its_begun_thousands() -> None:
    assert [law.price(law.TrainingRun(8, steps, 0.1)) for steps in (50, 125, 126)] == [1, 1, 2]


@pytest.mark.parametrize("level", LEVELS)
def test_what_lies_there_scores_0_and_no_more_than_the_best_run_foretold_exactly_can_be_had(
    level: str,
) -> None:
    for index in range(WORLDS):
        drawn = world(index, level)
        hidden = drawn.hidden
        first = json.loads(shown(drawn))
        run, foretold = recommended(first, hidden.target)
        assert hidden.law.loss(run) - hidden.best == pytest.approx(REGRET, abs=1e-9)
        assert abs(foretold - hidden.law.loss(run)) > 5 * TOLERANCE
        assert grade(drawn, shown(drawn)).raw == 0
        top = grade(drawn, json.dumps(best(hidden)).encode())
        assert top.y == pytest.approx(1)
        assert not top.beyond_bound
        assert top.raw == pytest.approx(1, abs=0.05)


def test_settings_and_forecast_are_worth_one_half_each() -> None:
    hidden = world(0).hidden
    run, loss = hidden.law.best(hidden.target)
    assert hidden.worth(run, loss + 100) == pytest.approx(0.5)
    assert hidden.worth(run, loss + TOLERANCE) == pytest.approx(0.5 + 0.5 / np.e)
    awful = law.TrainingRun(8, 50, 1.0)
    assert hidden.worth(awful, hidden.law.loss(awful)) == pytest.approx(0.0)


def test_the_best_small_run_is_narrower_than_the_best_large_one_and_the_widest_is_never_best() -> None:
    for index in range(WORLDS):
        hidden = world(index, "L1").hidden
        small, large = hidden.law.best(hidden.trials.budget // 10)[0], hidden.law.best(hidden.target)[0]
        assert small.width < large.width < law.WIDTHS[1]


def test_the_reference_agent_of_l0_scores_1_and_numbers_of_another_world_less() -> None:
    scores, blind = [], []
    for index in range(4):
        drawn = world(index)
        turns = ScriptedModel(SCALING.agents("L0")["ref"]).turns
        with workshop(drawn.files, [], drawn.services) as shop:
            recommendation = shop.root / "work/recommendation.json"
            _, seen = shop.run("python3 survey.py")
            shop.run("python3 recommend.py --width 130 --loss 2.35")
            blind.append(grade(drawn, recommendation.read_bytes()).raw)
            shop.run(turns[1].text(seen).splitlines()[1])
            scores.append(grade(drawn, recommendation.read_bytes()).raw)
    assert scores == [pytest.approx(1, abs=0.05)] * 4
    assert np.mean(np.array(blind, float)) < 0.6


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"width": 8.0}, "width_out_of_range"),
        ({"width": 4096}, "width_out_of_range"),
        ({"steps": True}, "steps_out_of_range"),
        ({"steps": 10**400}, "steps_out_of_range"),
        ({"rate": float("nan")}, "rate_out_of_range"),
        ({"rate": "0.01"}, "rate_out_of_range"),
        ({"seed": 1}, "needs_width_steps_rate"),
    ],
)
def test_what_is_no_run_is_refused_by_cause(change: dict[str, Any], cause: str) -> None:
    with pytest.raises(Unfit, match=f"^{cause}$"):
        run_of(RUN | change)


@pytest.mark.parametrize(
    ("recommendation", "cause"),
    [
        (RUN, "loss_not_foretold"),
        (RUN | {"loss": "2"}, "loss_not_foretold"),
        (RUN | {"loss": float("nan")}, "loss_not_foretold"),
        (RUN | {"loss": float("inf")}, "loss_not_foretold"),
        (RUN | {"loss": 2.0, "width": 1024, "steps": 100_000_000}, "recommendation_beyond_target"),
        ({"loss": 2.0}, "needs_width_steps_rate"),
    ],
)
def test_a_recommendation_that_is_none_has_a_cause_and_no_score(
    recommendation: dict[str, Any], cause: str
) -> None:
    found = grade(world(0), json.dumps(recommendation).encode())
    assert (found.y, found.invalid) == (None, cause)
