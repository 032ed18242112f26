"""Horizons' intervals: shared draws, counted skips, small samples, growth and comparison."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.stats.horizon.estimate import Analysis, analyse
from experiments.stats.horizon.growth import doubling, ratio, running_best
from experiments.stats.horizon.interval import exceedance, percentiles, tail
from experiments.stats.horizon.resample import draw_runs, draw_tasks
from experiments.stats.horizon.table import Run, tabulate


def sample(
    horizons: dict[str, float], families: int = 40, seed: int = 1, slope: float = 0.8, spread: float = 0.0
) -> list[Run]:
    """Two tasks a family, four runs a task, success by the logistic curve of each agent's horizon.

    ``spread``: standard deviation, in octaves, of how much harder a task is than its length tells.
    """
    rng = np.random.default_rng(seed)
    minutes = np.exp2(rng.uniform(-1, 10, (families, 2)))
    felt = minutes * np.exp2(spread * rng.normal(size=minutes.shape))
    return [
        Run(agent, f"t{f}.{t}", f"f{f}", float(minutes[f, t]), float(rng.random() < chance))
        for agent, horizon in horizons.items()
        for f in range(families)
        for t in range(2)
        for chance in [1 / (1 + (felt[f, t] / horizon) ** (slope / np.log(2)))]
        for _ in range(4)
    ]


@pytest.fixture(scope="module")
def three() -> Analysis:
    return analyse(tabulate(sample({"old": 4, "mid": 16, "new": 64}, spread=2.0)), draws=2000, seed=3)


def test_draws_keep_the_number_of_runs_on_average_and_families_whole() -> None:
    table = tabulate(sample({"a": 8}, families=5))
    copies = draw_tasks(table, 4000, 0)
    assert copies.sum(axis=1).tolist() == [10] * 4000
    assert copies.mean(axis=0) == pytest.approx(1.0, abs=0.1)
    # Two tasks of a family come and go together: their counts are correlated, those of two families are not.
    same = np.corrcoef(copies[:, 0], copies[:, 1])[0, 1]
    other = np.corrcoef(copies[:, 0], copies[:, 2])[0, 1]
    assert same > 0.1 > other


def test_binomial_successes_equal_a_bootstrap_that_copies_rows() -> None:
    """Mean and variance of the successes drawn, against families, tasks and runs drawn one by one."""
    runs = sample({"a": 8}, families=3)
    table = tabulate(runs)
    ((passed, _),) = draw_runs(table, draw_tasks(table, 20_000, 0), 0)
    ours = passed.sum(axis=1)
    rng = np.random.default_rng(0)
    weight = {(r.task): table.weights[0].max() for r in runs}
    tasks: dict[str, dict[str, list[float]]] = {}
    for run in runs:
        tasks.setdefault(run.family, {}).setdefault(run.task, []).append(run.score)
    theirs = []
    for _ in range(4000):
        total = 0.0
        for family in rng.choice(list(tasks), len(tasks)):
            for task in rng.choice(list(tasks[family]), len(tasks[family])):
                total += weight[task] * sum(rng.choice(tasks[family][task], 4))
        theirs.append(total)
    assert ours.mean() == pytest.approx(np.mean(theirs), rel=0.02)
    assert ours.std() == pytest.approx(np.std(theirs), rel=0.05)


def test_shares_are_drawn_as_the_values_they_are() -> None:
    runs = [Run("a", "t", "f", 4, score) for score in (0.25, 0.5, 1.0)] + [Run("a", "u", "g", 9, 0)]
    table = tabulate(runs)
    ((passed, failed),) = draw_runs(table, np.ones((5000, 2), dtype=np.int64), 0)
    partial = passed / table.weights[0]
    assert set(np.round(partial[:, 0], 9)) <= {a / 4 for a in range(3, 13)}
    assert partial[:, 0].mean() == pytest.approx(1.75, abs=0.02)
    assert np.allclose(passed + failed, table.weights[0] * table.runs[0])


def test_draws_that_do_not_fit_at_once_are_taken_in_parts_of_their_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table = tabulate(sample({"a": 8}, families=10))
    monkeypatch.setattr("experiments.stats.horizon.estimate._CELLS", 20 * 70)
    found = analyse(table, draws=150).drawn[0].slope
    assert len(found) == 150 and len(np.unique(np.round(found, 12))) > 140


def test_the_same_seed_gives_the_same_intervals_and_another_seed_others() -> None:
    table = tabulate(sample({"a": 8}))
    first, again, other = (analyse(table, draws=200, seed=s).horizon("a", 0.5) for s in (1, 1, 2))
    assert first == again
    assert first.minutes == other.minutes and first.low != other.low


@settings(max_examples=10)
@given(st.randoms(use_true_random=False))
def test_neither_the_order_of_the_runs_nor_any_name_changes_a_number(chance: object) -> None:
    runs = sample({"a": 8, "b": 30}, families=12)
    before = analyse(tabulate(runs), draws=50)
    shuffled = runs.copy()
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    renamed = [
        Run(
            "z" if run.agent == "a" else "y",
            run.task[::-1] + "!",
            "x" + run.family[::-1],
            run.minutes,
            run.score,
        )
        for run in shuffled
    ]
    after = analyse(tabulate(renamed), draws=50)
    for old, new in (("a", "z"), ("b", "y")):
        assert before.horizon(old, 0.8) == after.horizon(new, 0.8)


def test_draws_of_one_class_are_skipped_and_counted() -> None:
    runs = [Run("a", f"t{i}", f"f{i}", 2.0**i, float(i == 0)) for i in range(6)]
    found = analyse(tabulate(runs), draws=3000)
    # The one success is missing from a draw with probability (5/6)^6; six times drawn with (1/6)^6.
    assert found.skipped("a") / 3000 == pytest.approx((5 / 6) ** 6 + (1 / 6) ** 6, abs=0.03)
    assert found.horizon("a", 0.5).low is not None


@pytest.mark.parametrize(
    ("scores", "cause"),
    [
        ([0, 0, 0], "no horizon: none of 3 runs succeeded"),
        ([1, 1, 1], "no horizon: none of 3 runs failed"),
        ([0, 1, 1], "no horizon: success does not fall with the length of the task"),
    ],
)
def test_a_sample_without_a_horizon_names_the_cause(scores: list[float], cause: str) -> None:
    runs = [Run("a", f"t{i}", f"f{i}", 2.0**i, score) for i, score in enumerate(scores)]
    found = analyse(tabulate(runs), draws=20).horizon("a", 0.5)
    assert (found.minutes, found.fitted, found.low, found.cause) == (None, None, None, cause)


def test_one_length_and_one_family_have_no_horizon_and_no_interval() -> None:
    same = analyse(tabulate([Run("a", f"t{i}", f"f{i}", 5.0, i % 2) for i in range(4)]), draws=20)
    assert same.horizon("a", 0.5).cause == "no horizon: all tasks are of one length"
    alone = [Run("a", f"t{i}", "f", 2.0**i, score) for i, score in enumerate([1, 1, 0, 1, 0, 0])]
    found = analyse(tabulate(alone), draws=500).horizon("a", 0.5)
    assert found.minutes is not None and found.low is None
    assert found.interval_cause is not None and found.interval_cause.startswith(
        "no interval from 1 task family"
    )


def test_an_estimate_that_reaches_far_beyond_the_tasks_is_withheld_and_its_fit_is_told() -> None:
    runs = sample({"a": 4000.0})
    found = analyse(tabulate(runs), draws=500).horizon("a", 0.5)
    assert found.minutes is None and found.fitted is not None and found.high is not None
    assert found.cause is not None and found.cause.startswith("reaches more than an octave beyond the tasks")


def test_an_interval_that_only_few_families_widen_withholds_no_estimate() -> None:
    runs = sample({"a": 150.0}, families=7, seed=6)
    found = analyse(tabulate(runs), draws=4000)
    wide, covered = found.horizon("a", 0.5), found.covered("a")
    low, high = np.nanquantile(found.octaves("a", 0.5), [0.025, 0.975])
    assert covered[0] - 1 <= low and high <= covered[1] + 1
    assert wide.high is not None and np.log2(wide.high) > covered[1] + 1
    assert wide.minutes == wide.fitted and wide.cause is None


def test_few_families_take_wider_percentiles_and_many_the_plain_ones() -> None:
    # Φ(−√(G/(G−1))·t(0.975; G−1)), by tables: G = 8 gives Φ(−2.528), G = 4 Φ(−3.675).
    assert tail(30) == 0.025
    assert tail(8) == pytest.approx(0.00574, abs=2e-5)
    assert tail(4) == pytest.approx(0.000119, abs=2e-6)
    few = percentiles(np.arange(1000.0), 4)
    assert few.cause == "no interval from 4 task families with 1000 draws; that takes 8402 draws"


def test_the_chance_of_a_ratio_agrees_with_the_interval_for_few_families() -> None:
    values = np.random.default_rng(0).normal(1.0, 1.0, 200_000)
    low = percentiles(values, 9).low
    assert low is not None and exceedance(values, low, 9) == pytest.approx(0.975, abs=1e-3)
    assert exceedance(values, 0.0, 40) == pytest.approx(0.8413, abs=5e-3)


def test_two_agents_share_their_tasks_so_that_their_ratio_is_surer_than_their_horizons(
    three: Analysis,
) -> None:
    found = ratio(three, "new", "mid")
    assert found.ratio is not None and found.low is not None and found.high is not None
    assert found.ratio == pytest.approx(2 ** float(np.diff(three.whole.octaves(0.5)[[0, 1]])[0]))
    new, mid = three.octaves("new", 0.5), three.octaves("mid", 0.5)
    assert np.std(new - mid) < 0.9 * np.hypot(np.std(new), np.std(mid))
    assert found.low < found.ratio < found.high and found.probability == 1.0
    assert ratio(three, "new", "mid", threshold=found.ratio).probability == pytest.approx(0.5, abs=0.1)


def test_horizons_that_quadruple_each_half_year_double_each_quarter(three: Analysis) -> None:
    dates = {"old": date(2024, 1, 1), "mid": date(2024, 7, 1), "new": date(2024, 12, 30)}
    points = {agent: three.horizon(agent, 0.5).fitted or 0 for agent in dates}
    found = doubling(three, dates)
    x = [d.toordinal() for d in dates.values()]
    by_hand = 1 / np.polyfit(x, np.log2(list(points.values())), 1)[0]
    assert found.days == pytest.approx(by_hand) and found.agents == ("old", "mid", "new")
    assert found.low is not None and found.high is not None and found.low < by_hand < found.high
    assert 60 < by_hand < 130


def test_only_the_running_best_counts_and_the_best_of_each_day(three: Analysis) -> None:
    day = date(2024, 5, 5)
    assert running_best(three, {"old": date(2025, 1, 1), "mid": date(2024, 1, 1), "new": day}) == (
        "mid",
        "new",
    )
    assert running_best(three, {"old": day, "mid": day}) == ("mid",)


def test_without_enough_dates_there_is_no_doubling_time_but_a_cause(three: Analysis) -> None:
    assert doubling(three, {}).cause == "no dates"
    assert (
        doubling(three, {"old": date(2024, 1, 1)}).cause == "the running best has 1 dated agent; it needs 2"
    )


def test_the_interval_of_a_horizon_covers_it_where_families_are_many() -> None:
    covered = 0
    for seed in range(100):
        runs = sample({"a": 20}, families=30, seed=100 + seed)
        found = analyse(tabulate(runs), draws=200, seed=seed).horizon("a", 0.5)
        assert found.low is not None and found.high is not None
        covered += found.low <= 20 <= found.high
    assert covered >= 93
