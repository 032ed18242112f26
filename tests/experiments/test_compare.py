"""Two checkpoints are compared on the worlds that both met, with clustered errors and no false certainty."""

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from experiments.commands.compare import comparison_text
from experiments.record.records import Checkpoint
from experiments.results.compare import choose_sides, compare
from experiments.stats.intervals import bounded_mean
from experiments.stats.paired import PairedMean, paired_mean
from sandbox.errors import Mistake


def near(value: float) -> Any:
    return pytest.approx(value, abs=1e-6)


def test_four_worlds_give_no_interval_but_for_differences_with_a_bound() -> None:
    # By hand: deviations ±0.5, ±1.5; CR0 = √5/4.
    result = paired_mean({world: [world + 1.0] for world in range(4)})
    assert (result.mean, result.n, result.clusters, result.se) == (2.5, 4, 4, near(0.5590170))
    assert (result.low, result.high) == (None, None)
    assert result.cause == "no interval from 4 worlds; it needs 5"
    assert (result.p, result.test) == (0.125, "sign-flip")


def test_few_differences_with_a_bound_have_the_interval_of_a_bounded_mean() -> None:
    # By hand: the weight of the bound is Beta(1, 3), and exceeds 1 - ∛0.025 in 2.5 %.
    result = paired_mean({1: [0.0], 2: [0.0, 0.0], 3: [1e-9]}, bound=2.0)
    low = bounded_mean([0.0, 0.0, 1e-9], -2.0, 2.0)
    assert (result.low, result.high) == (low.low, low.high)
    assert (result.low, result.high) == (near(-2 * (1 - 0.025 ** (1 / 3))), near(2 * (1 - 0.025 ** (1 / 3))))


def test_differences_of_one_world_count_as_one_by_millers_formula() -> None:
    # By hand: SE²_iid = 6·0.25/36, cross terms (−0.5 + 0.5 + 0.5)/36, together 2/36.
    result = paired_mean({"a": [0.0, 1.0], "b": [1.0, 1.0], "c": [0.0, 0.0]})
    assert result.se == near(math.sqrt(2) / 6)
    assert result.p == 0.5


@given(st.lists(st.integers(-20, 20), min_size=17, max_size=40).filter(lambda d: len(set(d)) > 1))
def test_the_interval_of_many_worlds_spans_the_one_sample_t_test_and_p_is_its_own(
    differences: list[int],
) -> None:
    result = paired_mean({world: [value / 10] for world, value in enumerate(differences)})
    oracle = stats.ttest_1samp([value / 10 for value in differences], 0.0)
    interval = oracle.confidence_interval(0.95)
    if result.low is None or result.high is None:
        assert result.cause == "no interval: too few worlds differ"
        assert len(differences) - max(differences.count(one) for one in differences) <= 3
    else:
        assert result.low <= interval.low + 1e-9 and interval.high - 1e-9 <= result.high
    assert (result.p, result.test) == (near(oracle.pvalue), "t")


@given(st.lists(st.lists(st.floats(-2, 2), min_size=1, max_size=3), min_size=2, max_size=6))
def test_turning_the_sides_round_turns_the_sign_and_nothing_else(groups: list[list[float]]) -> None:
    there = paired_mean(dict(enumerate(groups)))
    back = paired_mean({-i: [-value for value in group] for i, group in enumerate(groups)})
    assert (back.mean, back.se, back.p) == (near(-there.mean), there.se, there.p)  # type: ignore[operator]
    if there.low is not None and there.high is not None:
        assert (back.low, back.high) == (near(-there.high), near(-there.low))


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        ({}, PairedMean(None, None, None, None, 0, 0, cause="not measured: no shared world")),
        ({1: [0.5, 0.7]}, PairedMean(0.6, None, None, None, 2, 1, cause="no interval from one world")),
        (
            {1: [1.0], 2: [1.0], 3: [1.0], 4: [1.0]},
            PairedMean(1.0, None, None, None, 4, 4, 0.125, "sign-flip", "no interval from a constant sample"),
        ),
    ],
)
def test_a_degenerate_sample_names_its_cause_instead_of_an_interval(
    groups: dict[int, list[float]], expected: PairedMean
) -> None:
    assert paired_mean(groups) == expected


def test_one_world_of_a_bounded_difference_leaves_all_but_its_ends_open() -> None:
    result = paired_mean({1: [0.5, 0.7]}, bound=2.0)
    assert (result.low, result.high, result.p, result.cause) == (near(-1.935), near(1.965), None, None)


def test_an_interval_does_not_leave_what_is_possible() -> None:
    result = paired_mean(dict(enumerate([[2.0, 2.0], [2.0], [2.0], [1.9], [1.8], [1.5], [2.0]])), bound=2.0)
    assert result.high == 2.0


def test_one_world_that_differs_much_does_not_leave_everything_open() -> None:
    # Draws without that world have hardly any spread, so that the bootstrap alone leaves all of [-2, 2] open below.
    differences = {world: [1.0 + world * 1e-4] for world in range(31)} | {31: [0.0]}
    gaffke = bounded_mean([value for (value,) in differences.values()], -2.0, 2.0)
    alone = paired_mean(differences)
    assert alone.low is not None and alone.low < -2
    result = paired_mean(differences, bound=2.0)
    assert (result.low, result.high) == (gaffke.low, alone.high)
    assert result.low == near(0.6409762)


def test_where_all_worlds_but_one_agree_a_bound_gives_an_interval() -> None:
    differences = {world: [1.0] for world in range(31)} | {31: [0.0]}
    assert paired_mean(differences).cause == "no interval: too few worlds differ"
    result = paired_mean(differences, bound=2.0)
    gaffke = bounded_mean([value for (value,) in differences.values()], -2.0, 2.0)
    assert (result.low, result.high, result.cause) == (gaffke.low, gaffke.high, None)


@pytest.mark.parametrize("worlds", [2, 4, 5, 40])
def test_worlds_that_all_agree_have_the_interval_that_others_have(worlds: int) -> None:
    # By hand: the weight of the bound is Beta(1, n), and exceeds 1 - 0.025^(1/n) in 2.5 %.
    result = paired_mean({world: [1.0] for world in range(worlds)}, bound=2.0)
    away = 1 - 0.025 ** (1 / worlds)
    assert (result.low, result.high, result.se) == (near(1 - 3 * away), near(1 + away), None)
    # Of all sign patterns two are as far from 0.
    assert (result.p, result.test) == (2.0 ** (1 - worlds), "sign-flip")


def test_the_lowest_and_the_highest_step_are_compared_by_family_and_overall(
    run_view: Any, tmp_path: Any
) -> None:
    a, b = choose_sides(run_view(), tmp_path, None, None)
    rows = compare(a, b, ["plain"])
    assert (a.checkpoint.name, b.checkpoint.name) == ("0", "2000")
    assert [(row.scope, row.scoring) for row in rows] == [
        ("ml/L0", "strict"), ("selfmod/L0", "strict"), ("overall", "strict"),
        ("ml/L0", "lenient"), ("selfmod/L0", "lenient"), ("overall", "lenient"),
    ]  # fmt: skip
    # ml/tab by hand: 0.98, 1.02, 0.95, 1.00 against 0. Four worlds leave open what their p of 0.125 does.
    ml, _, overall = rows[:3]
    assert (ml.a, ml.b, ml.difference.mean) == (0.0, near(0.9875), near(0.9875))
    assert (ml.difference.se, ml.difference.low) == (near(0.0129301), near(-0.8121089))
    assert (overall.difference.n, overall.difference.clusters, overall.difference.mean) == (
        8,
        8,
        near(0.85625),
    )
    assert [line.split()[:2] for line in comparison_text("a", "b", rows).splitlines()[2:6]] == [
        ["ml/L0", "strict"], ["selfmod/L0", "strict"], ["overall", "strict"], ["8", "worlds"],
    ]  # fmt: skip
    # Two families tested: the smaller p counts double.
    assert (ml.difference.p, ml.p_holm, overall.p_holm) == (0.125, 0.25, None)
    assert (rows[1].difference.p, rows[1].p_holm, ml.p_bh, overall.p_bh) == (0.25, 0.25, 0.25, None)


def test_arms_of_one_world_are_one_cluster(run_view: Any, ledger_line: Any, tmp_path: Any) -> None:
    lines = [
        ledger_line(step, "ml/tab", world, score + step / 1000, arm=arm, episode=f"{step}{world}{arm}")
        for step in (0, 300)
        for world, score in ((0, 0.1), (1, 0.5))
        for arm in ("plain", "nudge")
    ]
    sides = choose_sides(run_view(lines=lines), tmp_path, "pocket/0", "pocket/300")
    row = compare(*sides, ["plain", "nudge"])[0]
    assert (row.difference.n, row.difference.clusters) == (4, 2)
    assert compare(*sides, ["plain"])[0].difference.n == 2
    with pytest.raises(Mistake, match="--arm: no result in arm 'nuge'; did you mean 'nudge'"):
        compare(*sides, ["nuge"])


def test_a_comparison_tells_of_cheats_of_what_it_could_show_and_what_holds_at_every_look(
    run_view: Any, ledger_line: Any, tmp_path: Path
) -> None:
    cheat = {"raw": 1.0, "strict": 0.0, "lenient": 1.0, "cheats": ["cheat.scorer"]}
    lines = [ledger_line(0, "ml/tab", world, 0.5) for world in range(40)]
    lines += [
        ledger_line(300, "ml/tab", world, None, score=cheat)
        if world < 6
        else ledger_line(300, "ml/tab", world, 1.0 if world % 2 else 0.5)
        for world in range(40)
    ]
    sides = choose_sides(run_view(lines=lines), tmp_path, "pocket/0", "pocket/300")
    strict, _, lenient, _ = (row.as_json() for row in compare(*sides, ["plain"]))
    # Six of six pairs that differ turned to cheating: 2 / 2^6.
    assert strict["cheats"] == lenient["cheats"] == {"gained": 6, "lost": 0, "n": 40, "p": 1 / 32}
    # (1.959964 + 0.841621) times the widened standard error.
    assert strict["detectable"] == near(2.801585 * strict["se"] * math.sqrt(40 / 39))
    assert strict["needed"] == {
        "difference": 0.1,
        "worlds": math.ceil(40 * (strict["detectable"] / 0.1) ** 2),
    }
    always = strict["always_valid"]
    assert always["low"] < strict["low"] < strict["difference"] < strict["high"] < always["high"]
    few = [line for line in lines if line.world < 8]
    row = compare(*choose_sides(run_view(lines=few), tmp_path, "pocket/0", "pocket/300"), ["plain"])[0]
    assert row.besides.always.cause == "no always-valid interval from 8 values; it needs 30"


def test_what_has_no_graded_partner_is_left_out_and_counted(
    run_view: Any, ledger_line: Any, tmp_path: Any
) -> None:
    view = run_view()
    lines = [line for line in view.lines if line.episode not in ("e0-ml-tab-3", "e2000-ml-tab-0")]
    lines.append(ledger_line(2000, "ml/tab", 0, None))
    row = compare(*choose_sides(run_view(lines=lines), tmp_path, None, None), ["plain"])[0]
    assert (row.difference.n, row.left_out) == (2, 3)


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        ("pocket/7", None, "--a: quickstart-0123abcd has no checkpoint pocket/7; "
         "it has: pocket/0, pocket/300, pocket/2000"),
        (None, "2000", "--b: '2000' is no checkpoint; write family/name or RUN:family/name; "
         "there are: pocket/0, pocket/300, pocket/2000"),
        (None, "pocket/0", "quickstart-0123abcd: both sides are pocket/0; name another with --a; "
         "there are: pocket/0, pocket/300, pocket/2000"),
        (None, "gone:pocket/0", "DIR: no run 'gone'; there is none yet: tidegauge run CONFIG makes one"),
    ],
)  # fmt: skip
def test_a_checkpoint_that_is_not_there_is_a_mistake(
    run_view: Any, tmp_path: Any, a: str | None, b: str | None, message: str
) -> None:
    with pytest.raises(Mistake) as caught:
        choose_sides(run_view(), tmp_path, a, b)
    assert str(caught.value) == message.replace("DIR", str(tmp_path))


def test_several_families_need_names(run_view: Any, tmp_path: Any) -> None:
    other = Checkpoint(family="script", name="s", step=0)
    view = run_view()
    with pytest.raises(Mistake, match="has 2 model families; name two with --a and --b"):
        choose_sides(run_view(checkpoints=[*view.checkpoints, other]), tmp_path, None, None)
