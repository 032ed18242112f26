"""Many looks at a model that did not change cross a baseline's rule as rarely as was asked."""

from collections.abc import Callable

import numpy as np
import pytest

from experiments.reading.view import RunView
from experiments.record.records import LedgerLine
from experiments.results.baseline import ALPHA, spent, with_deltas
from experiments.results.compare import Side
from experiments.results.trend import trend
from experiments.stats.paired import paired_mean

WANTED = ("delta/overall/strict", "delta/ml/L0/strict", "cap/index")


def test_all_looks_together_spend_no_more_than_alpha() -> None:
    assert [spent(look) for look in (1, 2)] == [0.025, pytest.approx(0.05 / 6)]
    assert 0.049 < sum(spent(look) for look in range(1, 1000)) < ALPHA == 0.05


def test_a_hundred_looks_without_a_difference_raise_a_false_alarm_in_at_most_one_of_twenty() -> None:
    rng = np.random.default_rng(11)
    spending = fixed = 0
    for _ in range(40):
        looks = np.clip(rng.normal(0, 0.4, (100, 200)), -2, 2)
        worlds = [{i: [value] for i, value in enumerate(look)} for look in looks.tolist()]
        spending += any((paired_mean(w, 1 - spent(k)).low or 0) > 0 for k, w in enumerate(worlds, 1))
        fixed += any((paired_mean(w).low or 0) > 0 for w in worlds)
    assert spending / 40 <= ALPHA
    assert fixed / 40 > 0.5


def test_later_checkpoints_are_compared_in_the_order_in_which_they_came_and_shown_by_step(
    run_view: Callable[..., RunView],
) -> None:
    view = run_view()
    view.checkpoints[1:] = [view.checkpoints[2], view.checkpoints[1]]
    measured = with_deltas(trend(view), view, Side(view, view.checkpoints[0]), WANTED)
    (series,) = measured.of("delta/overall/strict")
    assert [point.checkpoint.step for point in series.points] == [300, 2000]
    (first,) = with_deltas(
        trend(view), run_view(checkpoints=view.checkpoints[:2]), Side(view, view.checkpoints[0]), WANTED
    ).of("delta/overall/strict")
    assert first.points[0].measured == series.points[1].measured


def test_a_refusal_of_the_later_one_may_have_been_a_success(
    run_view: Callable[..., RunView], ledger_line: Callable[..., LedgerLine]
) -> None:
    lines = [
        ledger_line(step, "ml/tab", world, 0.0, refused=step > 0) for step in (0, 300) for world in range(40)
    ]
    view = run_view(lines=lines, checkpoints=[lines[0].checkpoint, lines[-1].checkpoint])
    (series,) = with_deltas(trend(view), view, Side(view, view.checkpoints[0]), WANTED).of(
        "delta/ml/L0/strict"
    )
    measured = series.points[0].measured
    assert (measured.value, measured.high, measured.ceiling) == (
        0.0,
        pytest.approx(0.2, abs=0.05),
        pytest.approx(1.1, abs=0.1),
    )
