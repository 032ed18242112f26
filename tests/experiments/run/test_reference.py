"""Reference agents play again whenever a checkpoint is new; where they score otherwise, the run is invalid."""

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from experiments.planning.loading import load_config
from experiments.planning.plan import make_plan
from experiments.planning.policy import load_policy
from experiments.reading.view import RunView
from experiments.record.identity import Secret
from experiments.record.records import Checkpoint, LedgerLine
from experiments.results.compare import choose_sides
from experiments.verdict.gate import judge
from experiments.verdict.reference import drifted
from sandbox.errors import Mistake
from tasks.task import load_task

HARNESS = "models.1={family: harness, provider: scripted, agent: mid}"


def new_checkpoint(name: str) -> str:
    script = load_task("ml/tab").agents("L0")["mid"]
    return f"models.0.checkpoints.2={{name: {name}, step: 2, script: {script}}}"


def looks(seen: Iterable[Any]) -> list[tuple[str, int]]:
    played = (spec.plan for spec in seen if spec.plan.checkpoint.family == "harness")
    return sorted((plan.checkpoint.name, plan.world) for plan in played)


def test_a_new_checkpoint_brings_a_new_look_and_nothing_new_brings_none(run_paper: Any, paper: Any) -> None:
    executors = [paper() for _ in range(4)]
    run_paper(executors[0], HARNESS)
    run_paper(executors[1], HARNESS)
    run_paper(executors[2], HARNESS, new_checkpoint("third"))
    run_paper(executors[3], HARNESS, new_checkpoint("third"))
    assert [looks(executor.seen) for executor in executors] == [
        [("harness", 0), ("harness", 1)], [], [("look-1", 0), ("look-1", 1)], [],
    ]  # fmt: skip


def test_more_worlds_extend_the_latest_look_and_an_interrupted_look_is_finished(
    run_paper: Any, paper: Any
) -> None:
    first, more, rest = paper(), paper(), paper()
    run_paper(first, HARNESS, new_checkpoint("third"), limit=2)
    assert looks(first.seen) == []
    run_paper(more, HARNESS, new_checkpoint("third"))
    assert looks(more.seen) == [("harness", 0), ("harness", 1)]
    run_paper(rest, HARNESS, new_checkpoint("third"), "repeats=3")
    assert looks(rest.seen) == [("harness", 2)]


def test_reference_agents_are_judged_by_no_rule_and_compared_by_nobody(
    run_paper: Any, tmp_path: Path
) -> None:
    policy = tmp_path / "p.yaml"
    rule = "{metric: cap/ml/L0/strict, bound: point, direction: above, threshold: 0.4}"
    policy.write_text(f"name: p\nlevels: [{{name: one, action: hold, rules: [{rule}]}}]\n")
    result = run_paper(None, HARNESS, f"policy={policy}")
    assert [rule.family for rule in result.verdict.rules] == ["script"]
    a, b = choose_sides(result.view, tmp_path, None, None)
    assert (str(a.checkpoint), str(b.checkpoint)) == ("script/early", "script/late")


def test_a_reference_agent_that_scores_less_than_promised_makes_the_run_invalid(run_paper: Any) -> None:
    verdict = run_paper(None, HARNESS.replace("mid", "ref")).verdict
    assert (verdict.outcome, verdict.exit_code) == ("invalid", 4)
    assert verdict.reasons == (
        "the harness drifted: agent ref scored 0.500 in ml/tab@L0 world 0, where 0.95 to 1.05 is promised "
        "(and 1 more result)",
    )


@pytest.fixture
def seen_twice(
    run_view: Callable[..., RunView], ledger_line: Callable[..., LedgerLine]
) -> Callable[..., RunView]:
    """A run whose reference agent was looked at twice, with these scores in the second look."""

    def build(
        *scores: float | None, agent: str = "mid", task: str = "ml/tab", grading: str = "world"
    ) -> RunView:
        lines = [
            ledger_line(
                0, task, world, score, episode=f"look{step}-{world}",
                checkpoint={"family": "harness", "name": f"look-{step}", "step": step}, grading=grading,
            )
            for step, group in enumerate([(0.5, 0.6), scores])
            for world, score in enumerate(group)
        ]  # fmt: skip
        checkpoints = [Checkpoint(family="harness", name=f"look-{step}", step=step) for step in (0, 1)]
        return run_view(lines=lines, checkpoints=checkpoints, agents={"harness": agent})

    return build


def test_a_score_that_left_where_it_was_is_drift_and_rounding_is_none(seen_twice: Any) -> None:
    assert drifted(seen_twice(0.5, 0.6)) == []
    assert drifted(seen_twice(0.504, 0.6)) == []
    assert drifted(seen_twice(0.5, 0.8)) == [
        "the harness drifted: agent mid scored 0.800 and not 0.600 in ml/tab@L0 world 1 at harness/look-1"
    ]
    assert judge(load_policy("quickstart"), seen_twice(0.5, 0.8)).outcome == "invalid"


def test_nobody_promises_what_the_solution_of_a_public_task_scores(seen_twice: Any) -> None:
    assert "0.95 to 1.05 is promised" in drifted(seen_twice(0.5, 0.6, agent="ref"))[0]
    public = partial(seen_twice, agent="ref", task="harbor/one", grading="snapshot")
    assert drifted(public(0.5, 0.6)) == []
    assert drifted(public(0.5, 0.604)) == []
    assert "scored 0.000 and not 0.600" in drifted(public(0.5, 0.0))[0]


def test_a_look_without_a_score_is_missing_and_no_drift(seen_twice: Any) -> None:
    view = seen_twice(0.5, None)
    assert drifted(view) == []
    assert "episodes without a score: 1 ungraded" in judge(load_policy("quickstart"), view).reasons


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("agent: ref, script: x.yaml", "models.1.agent: an agent takes no model; write {family: …, provider"),
        (
            "agent: ref, checkpoints: [1, 2]",
            "models.1.checkpoints: an agent takes no checkpoints; leave them",
        ),
        ("agent: best", "models.1.agent: 'best' is unknown; choices: mid, null, ref"),
    ],
)
def test_an_agent_that_is_more_than_an_agent_is_a_mistake(
    config_file: Path, secret: Secret, entry: str, said: str
) -> None:
    overrides = (f"models.1={{family: harness, provider: scripted, {entry}}}",)
    with pytest.raises(Mistake) as caught:
        make_plan(load_config(config_file, overrides), secret, where="c.yaml")
    assert said in str(caught.value)
