"""judgement/hpo: what is recommended counts, noiseless, between random search and the known optimum."""

import asyncio
import hashlib
import json
from typing import Any

import numpy as np
import pytest

from experiments.pocket.workshop import workshop
from sandbox.files import Collection
from sandbox.models.scripted import ScriptedModel
from tasks.grading import Grade, Submission
from tasks.suite.judgement.hpo.space import Choice, Number, Space
from tasks.suite.judgement.hpo.world import Hidden, searched
from tasks.task import load_task
from tasks.trials import Unfit
from tasks.world import World

HPO = load_task("judgement/hpo")
WORLDS = 12
SPACE = Space(
    (Choice("solver", ("tide", "salt")), Choice("rule", ("wave", "clay"))),
    (Number("rate", 1e-4, 1.0, log=True), Number("depth", 2, 22, whole=True),
     Number("pull", 0.0, 1.0, only=("salt",))),
)  # fmt: skip
TIDE = {"solver": "tide", "rule": "clay", "rate": 0.01, "depth": 12}


class Bench:
    """Keeps the scorer's events. The grader opens no box."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []

    def box(self, *services: object) -> Any:
        raise AssertionError("nothing of the agent's runs")

    def emit(self, kind: str, data: dict[str, Any]) -> None:
        self.events.append((kind, data))


def world(index: int, level: str = "L0") -> World:
    return HPO.draw(hashlib.sha256(f"world {index}".encode()).digest(), level, "plain")


def grade(drawn: World, recommendation: bytes | None) -> Grade:
    files = {} if recommendation is None else {"recommendation.json": recommendation}
    submission = Submission(Collection(files), Collection({}), (), ())
    return asyncio.run(HPO.grade(drawn, submission, Bench()))


def shown(drawn: World) -> bytes:
    return next(file.content for file in drawn.files if file.path == "work/recommendation.json")


def optimum(hidden: Hidden) -> dict[str, Any]:
    surface = hidden.surface
    return surface.space.settings(surface.optimum(), 0)


def test_what_lies_there_scores_0_and_the_optimum_just_above_1() -> None:
    for index in range(WORLDS):
        drawn = world(index)
        start, best = grade(drawn, shown(drawn)), grade(drawn, json.dumps(optimum(drawn.hidden)).encode())
        assert start.raw == pytest.approx(0, abs=0.01)
        assert best.raw == pytest.approx(1, abs=0.01)
        assert not best.beyond_bound


def test_no_point_lies_below_the_optimum() -> None:
    for index in range(WORLDS):
        surface = world(index).hidden.surface
        points = surface.space.sample(np.random.default_rng(index), 5_000)
        assert surface.excess(points).min() > 0
        assert surface.excess(surface.optimum()) == 0


def test_the_start_is_what_random_search_finds_and_more_trials_find_more() -> None:
    hidden = world(0).hidden
    again = searched(hidden.surface, 20, np.random.default_rng(5))
    assert again == pytest.approx(hidden.start, rel=0.15)
    assert searched(hidden.surface, 200, np.random.default_rng(5)) < again / 1.5


def test_the_reference_agent_scores_1_and_another_worlds_words_below_one_half() -> None:
    scores, blind = [], []
    for index in range(WORLDS):
        drawn = world(index)
        turns = ScriptedModel(HPO.agents("L0")["ref"]).turns
        with workshop(drawn.files, [], drawn.services) as shop:
            recommendation = shop.root / "work/recommendation.json"
            _, seen = shop.run("python3 scan.py")
            with pytest.raises(SystemExit):
                shop.run("python3 tune.py --solver gain --rule gain")
            blind.append(grade(drawn, recommendation.read_bytes()).raw)
            shop.run(turns[1].text(seen).splitlines()[1])
            scores.append(grade(drawn, recommendation.read_bytes()).raw)
            assert drawn.hidden.trials.used <= 20
    assert scores == [pytest.approx(1, abs=0.05)] * WORLDS
    assert blind == [pytest.approx(0, abs=0.01)] * WORLDS


def test_the_same_trial_number_gives_the_same_loss_and_another_its_own() -> None:
    run = world(0).hidden.trials.run
    settings = optimum(world(0).hidden)
    assert run.measure(settings, 3) == run.measure(settings, 3)
    assert len({run.measure(settings, number) for number in range(20)}) > 10


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (None, "no_recommendation"),
        (b"", "recommendation_not_json"),
        (b"[" * 4000, "recommendation_not_json"),
        (b"[]", "recommendation_not_settings"),
        (b" " * 5000, "recommendation_too_large"),
        (b"{}", "solver_unknown"),
    ],
)
def test_a_file_without_settings_has_a_cause_and_no_score(data: bytes | None, cause: str) -> None:
    found = grade(world(0), data)
    assert (found.y, found.invalid) == (None, cause)


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"solver": "wave"}, "solver_unknown"),
        ({"solver": ["tide"]}, "solver_unknown"),
        ({"rate": 2.0}, "rate_out_of_range"),
        ({"rate": float("nan")}, "rate_out_of_range"),
        ({"rate": "0.01"}, "rate_out_of_range"),
        ({"rate": True}, "rate_out_of_range"),
        ({"depth": 12.0}, "depth_out_of_range"),
        ({"depth": 10**400}, "depth_out_of_range"),
        ({"pull": 0.5}, "not_the_settings_of_its_solver"),
        ({"solver": "salt"}, "not_the_settings_of_its_solver"),
    ],
)
def test_settings_that_the_run_does_not_have_are_refused_by_cause(change: Any, cause: str) -> None:
    with pytest.raises(Unfit, match=f"^{cause}$"):
        SPACE.place(TIDE | change)


def test_a_place_gives_its_settings_back() -> None:
    salt = TIDE | {"solver": "salt", "pull": 0.25}
    for settings in (TIDE, salt):
        assert SPACE.settings(SPACE.place(settings), 0) == settings
    assert SPACE.place(TIDE).units.tolist() == [[0.5, 0.5, 0.0]]
