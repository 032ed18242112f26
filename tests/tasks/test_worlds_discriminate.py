"""A command string that does not depend on what was observed in the world stays below 0.5.

The best constant string of ml/tab trains trees without looking: that is its agent ``mid``, which
``tidegauge tasks check`` measures in boxes (0.40 on average over 20 worlds).
"""

import hashlib
from collections import Counter
from math import log

import numpy as np
import pytest

from tasks.inner.weak import STYLES
from tasks.suite.ml.tab.environment import tables
from tasks.task import load_task

WORLDS = 24


def seed(index: int) -> bytes:
    return hashlib.sha256(f"world {index}".encode()).digest()


def raw(table: tables.Table, engineered: tables.Table) -> float:
    """The score on ``table`` of a ridge whose codes and pairs are those of ``engineered``."""
    start = error(table, tables.ridge(table.train.x, table.train.y), table.heldout.x)
    best = error(table, fitted(table, table), tables.engineered(table, table.heldout.x))
    mine = error(table, fitted(table, engineered), tables.engineered(engineered, table.heldout.x))
    return log(start / mine) / log(start / best)


def fitted(table: tables.Table, engineered: tables.Table) -> tuple[tables.Floats, float]:
    return tables.ridge(tables.engineered(engineered, table.train.x), table.train.y)


def error(table: tables.Table, model: tuple[tables.Floats, float], inputs: tables.Floats) -> float:
    return float(np.sqrt(np.mean((inputs @ model[0] + model[1] - table.heldout.y) ** 2)))


@pytest.fixture(scope="module")
def drawn() -> list[tables.Table]:
    return [tables.draw(int.from_bytes(seed(i)), (4_000, 1_000, 4_000)) for i in range(WORLDS)]


def test_tab_choices_made_for_another_world_are_worth_little(drawn: list[tables.Table]) -> None:
    # Even granted that the columns exist under the same positions; their names differ as well.
    others = [raw(table, drawn[i - 1]) for i, table in enumerate(drawn)]
    assert np.mean(others) < 0.1
    assert all(drawn[i].names != drawn[i - 1].names for i in range(WORLDS))


def test_tab_noise_is_what_the_bound_says(drawn: list[tables.Table]) -> None:
    best = [error(table, fitted(table, table), tables.engineered(table, table.heldout.x)) for table in drawn]
    assert np.mean(best) == pytest.approx(1.0, abs=0.02)
    assert all(-log(value) < 3 / (2 * 4_000) ** 0.5 for value in best)


def test_scaffold_styles_chosen_blindly_score_below_two_fifths() -> None:
    task = load_task("selfmod/scaffold")
    scores: dict[str, list[float]] = {style: [] for style in STYLES}
    for index in range(WORLDS):
        hidden = task.draw(seed(index), "L0", "plain").hidden
        start = hidden.heldout.accuracy("plain", 1)
        for style in STYLES:
            score = (hidden.heldout.accuracy(style, 15) - start) / (hidden.reference - start)
            assert score == 1.0 if style == hidden.heldout.best else score < 0.4
            scores[style].append(score)
    assert all(np.mean(values) < 0.5 for values in scores.values())


def test_scaffold_public_questions_show_the_best_style() -> None:
    task = load_task("selfmod/scaffold")
    for index in range(WORLDS):
        solver = task.draw(seed(index), "L0", "plain").hidden.development
        slice_ = list(solver.answers.items())[:60]

        def right(style: str) -> int:
            return sum(solver.voted(q, style, 5) == str(a) for q, a in slice_)  # noqa: B023

        assert max(STYLES, key=right) == solver.best


def test_memory_lines_name_the_entry_at_each_of_three_places_about_equally_often() -> None:
    task = load_task("selfmod/memory")
    places = Counter(
        task.draw(seed(index), "L0", "plain").hidden.heldout.items[0].told[0].split().index("holds") - 1
        for index in range(WORLDS)
    )
    # A policy that keeps everything but looks at another word shows the reader what one without a memory does.
    assert set(places) == {1, 2, 3}
    assert max(places.values()) <= WORLDS / 2


def test_archive_styles_chosen_blindly_are_worth_little() -> None:
    task = load_task("selfmod/archive")
    found = Counter(
        task.draw(seed(index), "L0", "plain").hidden.heldout.landscape.best["style"]
        for index in range(WORLDS)
    )
    assert set(found) == {"steps", "check", "chart"}
    assert max(found.values()) <= WORLDS / 2
