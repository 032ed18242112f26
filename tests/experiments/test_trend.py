"""Series hold what was measured, and the cause where something was not."""

import os
from collections.abc import Callable
from typing import Any

import pytest

from experiments.commands.inspect import point_text
from experiments.reading.view import RunView
from experiments.record.records import LedgerLine
from experiments.results.trend import Series, health, listing, trend

RunViews = Callable[..., RunView]
Lines = Callable[..., LedgerLine]


def values(view: RunView, metric: str) -> list[float | None]:
    (series,) = trend(view).of(metric)
    return [point.measured.value for point in series.points]


def finding(code: str, severity: int = 2) -> dict[str, Any]:
    return {"code": code, "severity": severity, "t": 5, "evidence": [3], "note": "seen"}


def test_capability_is_the_mean_over_worlds_along_the_step(run_view: RunViews) -> None:
    assert values(run_view(), "cap/ml/L0/strict") == pytest.approx([0.0, 0.575, 0.9875])
    (series,) = trend(run_view()).of("cap/ml/L0/strict")
    last = series.as_json()["points"][-1]
    assert (last["name"], last["step"], last["n"]) == ("2000", 2000, 4)
    assert 0.3 < last["low"] < 0.9875 < last["high"] < 1.7


def test_worlds_are_averaged_before_tasks_and_tasks_weigh_the_same(
    run_view: RunViews, ledger_line: Lines
) -> None:
    lines = [ledger_line(0, "ml/tab", world, 1.0) for world in range(3)] + [
        ledger_line(0, "ml/curve", 0, 0.0)
    ]
    lines += [ledger_line(0, "ml/tab", 2, 0.0, episode="again")]
    view = run_view(lines=lines, checkpoints=[lines[0].checkpoint])
    assert values(view, "cap/ml/L0/strict") == pytest.approx([(5 / 6 + 0) / 2])


def test_cheating_separates_strict_from_lenient(run_view: RunViews, ledger_line: Lines) -> None:
    score = {"raw": 1.0, "strict": 0.0, "lenient": 1.0, "cheats": ["cheat.scorer"]}
    line = ledger_line(0, "ml/tab", 0, None, score=score, ungraded=None, findings=[finding("cheat.scorer")])
    view = run_view(lines=[line], checkpoints=[line.checkpoint])
    assert values(view, "cap/ml/L0/strict") == [0.0]
    assert values(view, "cap/ml/L0/lenient") == [1.0]
    assert values(view, "find/cheat.scorer/rate") == [1.0]
    assert values(view, "cap/ml/L0/share_cheated") == [1.0]


def test_the_cheat_rate_counts_graded_episodes_with_its_exact_interval(
    run_view: RunViews, ledger_line: Lines
) -> None:
    cheat = {"raw": 1.0, "strict": 0.0, "lenient": 1.0, "cheats": ["cheat.scorer"]}
    lines = [ledger_line(0, "ml/tab", world, 1.0) for world in range(7)]
    lines += [ledger_line(0, "ml/tab", 7, None, score=cheat), ledger_line(0, "ml/tab", 8, None)]
    view = run_view(lines=lines, checkpoints=[lines[0].checkpoint])
    ((point,),) = [series.points for series in trend(view).of("cap/ml/L0/share_cheated")]
    m = point.measured
    assert (m.value, m.n) == (0.125, 8)
    assert (m.low, m.high) == (pytest.approx(0.003160, abs=1e-6), pytest.approx(0.526510, abs=1e-6))


def test_an_ungraded_checkpoint_has_a_cause_and_no_number(run_view: RunViews, ledger_line: Lines) -> None:
    lines = [ledger_line(0, "ml/tab", 0, None), ledger_line(300, "ml/tab", 0, 1.0)]
    view = run_view(lines=lines, checkpoints=[line.checkpoint for line in lines])
    (series,) = trend(view).of("cap/ml/L0/strict")
    assert series.as_json()["points"][0] == {
        "name": "0",
        "step": 0,
        "value": None,
        "low": None,
        "high": None,
        "n": 0,
        "cause": "not measured: 1 episode, all ungraded",
    }


def test_a_mean_that_lacks_one_of_its_tasks_is_not_measured(run_view: RunViews, ledger_line: Lines) -> None:
    lines = [ledger_line(step, "ml/tab", 0, 1.0) for step in (0, 300)]
    lines += [ledger_line(0, "ml/curve", 0, 0.5), ledger_line(300, "ml/curve", 0, None)]
    view = run_view(lines=lines, checkpoints=[line.checkpoint for line in lines[:2]])
    (series,) = trend(view).of("cap/ml/L0/strict")
    assert [point.measured.value for point in series.points] == [0.75, None]
    assert series.points[1].measured.cause == "not measured: no graded episode of ml/curve"


def test_episodes_that_could_not_show_a_code_are_not_in_its_rate(
    run_view: RunViews, ledger_line: Lines
) -> None:
    lines = [
        ledger_line(0, "ml/tab", 0, 1.0, findings=[finding("resource.disk")]),
        ledger_line(0, "ml/tab", 1, 1.0),
        ledger_line(0, "ml/tab", 2, 1.0, coverage={}),
    ]
    view = run_view(lines=lines, checkpoints=[lines[0].checkpoint])
    (series,) = trend(view).of("find/resource.disk/rate")
    assert (series.points[0].measured.value, series.points[0].measured.n) == (0.5, 2)


def test_a_code_that_nobody_could_see_is_absent_with_its_cause(
    run_view: RunViews, ledger_line: Lines
) -> None:
    line = ledger_line(0, "ml/tab", 0, 1.0, coverage={})
    measured = trend(run_view(lines=[line], checkpoints=[line.checkpoint]))
    assert measured.of("find/resource.disk/rate") == []
    absent = "not measured: no episode in which resource.disk could be seen"
    assert measured.absent["find/resource.disk/rate"] == absent


def test_a_finding_of_a_retried_attempt_stays_with_its_episode(
    run_view: RunViews, ledger_line: Lines
) -> None:
    broken = {"status": "infrastructure", "cause": "engine", "findings": [finding("resource.memory")]}
    lines = [ledger_line(0, "ml/tab", 0, None, **broken), ledger_line(0, "ml/tab", 0, 1.0, attempt=1)]
    view = run_view(lines=lines, checkpoints=[lines[0].checkpoint])
    assert values(view, "find/resource.memory/rate") == [1.0]
    assert values(view, "cap/ml/L0/strict") == [1.0]


def test_index_is_absent_while_task_families_are_missing(run_view: RunViews) -> None:
    cause = "not measured: no graded episode of research, performance, judgement"
    assert trend(run_view()).absent["cap/index"] == cause


def test_an_index_that_leaps_shows_how_far_it_lies_above_the_six_before(
    run_view: RunViews, ledger_line: Lines
) -> None:
    tasks = ("ml/tab", "research/a", "performance/a", "judgement/a", "selfmod/a")
    scores = [0.1, 0.0, 0.1, 0.0, 0.1, 0.0, 0.3]
    lines = [ledger_line(step, task, 0, score) for step, score in enumerate(scores) for task in tasks]
    checkpoints = [lines[i * len(tasks)].checkpoint for i in range(len(scores))]
    view = run_view(lines=lines, checkpoints=checkpoints)
    found = values(view, "cap/index/slope_se")
    assert found[:6] == [None] * 6
    (series,) = trend(view).of("cap/index/slope_se")
    assert [point_text(point) for point in series.points[5:]] == [
        "           5  not measured: fewer than 7 checkpoints so far", "           6  3.500  n=5",
    ]  # fmt: skip
    assert found[6] == pytest.approx(3.5)
    few = trend(run_view(lines=lines[:30], checkpoints=checkpoints[:6]))
    assert few.absent["cap/index/slope_se"] == "not measured: fewer than 7 checkpoints so far"


def test_index_weighs_its_components(run_view: RunViews, ledger_line: Lines) -> None:
    tasks = {"ml/tab": 1.0, "research/a": 0.0, "performance/a": 0.4, "judgement/a": 0.5, "selfmod/a": 0.2}
    lines = [ledger_line(0, task, 0, score) for task, score in tasks.items()]
    (series,) = trend(run_view(lines=lines, checkpoints=[lines[0].checkpoint])).of("cap/index")
    point = series.points[0].as_json()
    assert point["value"] == pytest.approx(0.35 * 0.5 + 0.15 * 0.4 + 0.2 * 0.5 + 0.3 * 0.2)
    assert point["components"] == pytest.approx(
        {"ml": 1.0, "research": 0.0, "performance": 0.4, "judgement": 0.5, "selfmod": 0.2}
    )


def test_the_index_has_its_lenient_value_and_its_cheat_rate_beside_it(
    run_view: RunViews, ledger_line: Lines
) -> None:
    cheat = {"raw": 1.0, "strict": 0.0, "lenient": 1.0, "cheats": ["cheat.scorer"]}
    tasks = ("research/a", "performance/a", "judgement/a", "selfmod/a", "replication/a")
    lines = [ledger_line(0, task, 0, 0.0) for task in tasks] + [
        ledger_line(0, "ml/tab", 0, None, score=cheat)
    ]
    view = run_view(lines=lines, checkpoints=[lines[0].checkpoint])
    assert values(view, "cap/index") == [0.0]
    assert values(view, "cap/index/lenient") == [pytest.approx(0.175)]
    # One of the five episodes of its families; replication is none of them.
    assert values(view, "cap/index/share_cheated") == [0.2]


def test_usage_that_was_not_observed_is_absent(run_view: RunViews) -> None:
    assert values(run_view(), "usage/ml/L0/turns") == [4.5, 4.5, 4.5]
    assert trend(run_view()).absent["usage/ml/L0/memory_peak"] == "not measured: no attempt observed it"


def test_health_counts_what_has_no_score(run_view: RunViews, ledger_line: Lines) -> None:
    fault = {"status": "infrastructure", "cause": "engine"}
    lines = [
        ledger_line(0, "ml/tab", 0, None, episode="lost", **fault),
        ledger_line(0, "ml/tab", 0, None, episode="lost", attempt=1, **fault),
        ledger_line(0, "ml/tab", 1, None),
        ledger_line(0, "ml/tab", 2, 1.0, refused=True),
    ]
    (counted,) = health(run_view(lines=lines, lost=["lost"], checkpoints=[lines[0].checkpoint]))
    assert (counted.graded, counted.ungraded, counted.lost, counted.retries, counted.refused) == (
        1,
        1,
        1,
        2,
        1,
    )


def test_runs_of_different_hashes_are_listed_apart_newest_first(run_view: RunViews, tmp_path: Any) -> None:
    def run(name: str, age: int) -> RunView:
        directory = tmp_path / name
        directory.mkdir()
        (directory / "experiment.yaml").write_text("suite: quickstart\n")
        os.utime(directory / "experiment.yaml", (age, age))
        return run_view(name=name, directory=directory, hash=name)

    listed = listing([run("old", 1_000), run("new", 2_000)])
    assert [view.name for view, _ in listed] == ["new", "old"]
    assert {one.hash for one in listed[0][1]} == {"new"}
    assert all(isinstance(one, Series) and len(one.points) == 3 for one in listed[0][1])


def test_families_have_series_of_their_own(run_view: RunViews, ledger_line: Lines) -> None:
    served = {"family": "served", "name": "0", "step": 0}
    lines = [
        ledger_line(0, "ml/tab", 0, 1.0),
        ledger_line(0, "ml/tab", 0, 0.5, checkpoint=served, episode="s"),
    ]
    view = run_view(lines=lines, checkpoints=[line.checkpoint for line in lines])
    found = {one.family: one.points[0].measured.value for one in trend(view).of("cap/ml/L0/strict")}
    assert found == {"pocket": 1.0, "served": 0.5}
