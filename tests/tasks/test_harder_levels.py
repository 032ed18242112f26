"""The levels of ml/tab and ml/clean above L0: what is drawn, and what of it the tools of L0 do not see."""

import asyncio
import hashlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.files import Collection
from tasks.grading import Submission
from tasks.suite.ml.clean import harder as spoilt
from tasks.suite.ml.clean import world as clean_world
from tasks.suite.ml.clean.environment import rows
from tasks.suite.ml.tab import harder as table
from tasks.suite.ml.tab import world as tab_world
from tasks.suite.ml.tab.environment import tables
from tasks.task import load_task
from tasks.world import subseed

TAB, CLEAN = load_task("ml/tab"), load_task("ml/clean")
LEVELS = ["L1", "L2", "L3"]


def seed(index: int) -> bytes:
    return hashlib.sha256(f"world {index}".encode()).digest()


def test_l0_is_drawn_as_before_there_were_other_levels() -> None:
    drawn = tables.draw(int.from_bytes(subseed(b"1" * 32, "table")), tab_world.ROWS)
    assert (drawn.names[:4], drawn.codes) == (("load", "site", "line", "tide"), (21, 12))
    assert drawn.crosses == ((10, 7), (14, 4))
    world = tab_world.draw(b"1" * 32, "L0", "plain")
    assert world.files[0].content == tables.data_file(drawn.names, drawn.train)
    cleaned = clean_world.draw(b"1" * 32, "L0", "plain").hidden.drawn
    assert cleaned.classes == ("wind", "batch", "drift", "speed", "cloud", "mass")
    assert (cleaned.swaps, cleaned.broken, len(cleaned.given)) == (((1, 3), (5, 0)), 5, 2346)


@pytest.mark.parametrize("task", [TAB, CLEAN], ids=lambda task: task.id)
@pytest.mark.parametrize("level", LEVELS)
def test_a_level_describes_itself_in_the_place_of_the_environments_text(task: Any, level: str) -> None:
    texts = [
        f.content.decode() for f in task.draw(seed(0), level, "plain").files if f.path == "task/describe.md"
    ]
    assert len(texts) == 1
    assert texts[0].count("# At this level") == 1


def test_a_term_is_a_product_a_square_or_a_gate_and_nothing_where_a_reading_failed() -> None:
    x = np.array([[2.0, 3.0, 0.5], [2.0, -1.0, 0.5], [2.0, table.FAILED, 0.5]])
    assert table.Term((0, 1)).of(x).tolist() == [6.0, -2.0, 0.0]
    assert table.Term((0, 1, 2)).of(x).tolist() == [3.0, -1.0, 0.0]
    assert table.Term((1,)).of(x) == pytest.approx([8 / 2**0.5, 0.0, 0.0])
    assert table.Term((0, 1), gate=0.0).of(x) == pytest.approx([2 * 2**0.5, 0.0, 0.0])


@settings(max_examples=20, deadline=None)
@given(st.sampled_from([-0.5, 0.0, 0.5, None]), st.integers(1, 3))
def test_a_term_of_independent_normal_columns_has_variance_1(gate: float | None, size: int) -> None:
    term = table.Term(tuple(range(2 if gate is not None else size)), gate)
    x = np.random.default_rng(0).normal(size=(40_000, 3))
    assert np.mean(term.of(x) ** 2) == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("level", LEVELS)
def test_a_table_has_the_terms_of_its_level_and_the_reference_is_near_what_can_be_known(level: str) -> None:
    knobs = tab_world.LEVELS[level]
    for index in range(4):
        drawn = table.draw(index, knobs)
        kinds = [(len(term.columns), term.gate is not None) for term in drawn.terms]
        assert [kinds.count(kind) for kind in ((2, False), (1, False), (2, True), (3, False))] == [
            knobs.pairs, knobs.squares, knobs.gates, knobs.triples,
        ]  # fmt: skip
        hidden = tab_world.draw(seed(index), level, "plain").hidden
        assert knobs.noise * 0.95 < hidden.reference_error < 2 * knobs.noise
        assert hidden.start_error > 3 * hidden.reference_error


def test_rows_of_a_later_time_are_moved_in_some_columns_and_only_there_and_failed_readings_everywhere() -> (
    None
):
    knobs = tab_world.LEVELS["L3"]
    drawn = table.draw(1, knobs)
    read = np.where(drawn.later == table.FAILED, np.nan, drawn.later)
    moved = np.nanmean(np.delete(read, drawn.codes, axis=1), axis=0)
    assert (moved > 0.8).sum() == knobs.drifting
    assert (np.abs(moved) < 0.2).sum() == tables.COLUMNS - 2 - knobs.drifting
    assert np.isnan(read).mean() == pytest.approx(knobs.failed * 20 / 22, abs=0.005)


@pytest.mark.parametrize("level", LEVELS)
def test_spoilt_rows_with_true_labels_teach_less_than_whole_ones(level: str) -> None:
    for index in range(3):
        hidden = clean_world.draw(seed(index), level, "plain").hidden
        drawn, n = hidden.drawn, len(hidden.drawn.given)
        assert hidden.start + 0.25 < hidden.reference < drawn.bayes + 3 * (0.25 / 4_000) ** 0.5
        as_spoilt = clean_world.accuracy(drawn, np.arange(n), drawn.train.labels)
        assert as_spoilt < hidden.reference
        assert len(drawn.audited) == clean_world.LEVELS[level].rows[1]


def test_near_copies_are_no_equal_rows_and_a_stuck_column_repeats_one_value() -> None:
    drawn = spoilt.draw(0, clean_world.LEVELS["L3"])
    assert len(np.unique(drawn.train.x, axis=0)) == len(drawn.train.x)
    counts = [np.unique(column, return_counts=True) for column in drawn.train.x.T]
    assert [float(values[count.argmax()]) for values, count in counts if count.max() > 50] == [
        spoilt.STUCK_AT
    ]


def test_rows_beyond_the_budget_are_not_learned_from_and_their_order_is_the_submissions_own() -> None:
    world = CLEAN.draw(seed(0), "L3", "plain")
    hidden = world.hidden
    drawn, most = hidden.drawn, hidden.most
    whole = np.flatnonzero(drawn.whole)
    others = np.setdiff1d(np.arange(len(drawn.given)), whole)

    def raw(indices: Any) -> float | None:
        labels = np.where(drawn.whole[indices], drawn.train.labels[indices], drawn.given[indices])
        files = {"submission/indices.npy": rows.npy(indices), "submission/labels.npy": rows.npy(labels)}
        return asyncio.run(
            CLEAN.grade(world, Submission(Collection(files), Collection({}), (), ()), Bench())
        ).raw

    assert most == 900 < len(whole)
    assert raw(np.concatenate([whole, others])) == 1
    behind = raw(np.concatenate([others, whole]))
    assert behind is not None and behind < 0.9


class Bench:
    """A bench that no box is asked of."""

    def box(self, *services: object) -> Any:
        raise AssertionError("the learner runs on the host")

    def emit(self, kind: str, data: dict[str, Any]) -> None:
        pass
