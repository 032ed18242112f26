"""performance/kernel, performance/train and ml/lm above L1: what is drawn there, and that L0 is drawn as before."""

import hashlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.suite.ml.lm import world as lm_world
from tasks.suite.ml.lm.environment import text
from tasks.suite.performance.kernel.environment import loops
from tasks.suite.performance.kernel.world import Kernel
from tasks.suite.performance.train import world as train_world
from tasks.suite.performance.train.environment import rows
from tasks.task import load_task
from tasks.world import World


def world(task: str, level: str) -> World:
    return load_task(task).draw(hashlib.sha256(b"world 0").digest(), level, "plain")


def results(program: str, name: str, inputs: dict[str, Any]) -> Any:
    """What the function of a program gives on each case."""
    space: dict[str, Any] = {}
    exec(program, space)
    return np.array([np.ravel(space[name](*case)) for case in zip(*inputs.values(), strict=True)])


def test_l0_is_drawn_as_before_there_were_other_levels() -> None:
    kernel = world("performance/kernel", "L0").hidden.kernel.pipeline
    assert kernel.constants == "RATE, SCALE = 0.945, 0.116"
    assert [loop[:2] for loop in kernel.loops] == [
        ("load", "raise"), ("salt", "spread"), ("mass", "floor"), ("charge", "flip"),
    ]  # fmt: skip
    assert world("performance/train", "L0").hidden.public.inputs["seed"].ravel().tolist() == [
        587690156, 336169235,
    ]  # fmt: skip
    lessons = world("ml/lm", "L0").hidden
    assert "LAGS = [3, 8]" in lessons.reference
    assert lessons.public.text[0, :8].tolist() == [0, 7, 0, 11, 1, 0, 2, 0]
    assert lessons.fresh[1].text[-1, -8:].tolist() == [3, 7, 5, 7, 1, 4, 9, 0]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([3, 5]), st.booleans())
def test_a_kernel_of_several_slow_loops_is_the_same_in_numpy(seed: int, slow: int, told: bool) -> None:
    kernel = Kernel(loops.draw(np.random.default_rng(seed), 30, slow, told))
    cases = kernel.cases(np.random.default_rng(seed + 1), 1)
    assert cases.right(results(kernel.start, "kernel", cases.inputs)).all()


@pytest.mark.parametrize("seed", range(6))
def test_attend_is_the_first_slow_loop_and_rank_before_the_others(seed: int) -> None:
    drawn = loops.draw(np.random.default_rng(seed), 30, 6)
    assert [form for _, form, _ in drawn.loops if form in loops.SLOW][:2] == ["attend", "rank"]


def test_the_loops_of_l2_do_not_say_what_they_compute() -> None:
    drawn = world("performance/kernel", "L2").hidden.kernel.pipeline
    assert sum(form in loops.SLOW for _, form, _ in drawn.loops) == 5
    assert drawn.start.count('"""') == 2
    described = {file.path: file.content for file in world("performance/kernel", "L2").files}
    assert b"# At this level\nThe loops have no descriptions" in described["task/describe.md"]
    assert world("performance/kernel", "L1").hidden.kernel.start.count('"""') == 14


def test_the_gradient_row_by_row_is_that_of_the_batch() -> None:
    shape = train_world.LEVELS["L2"].shape
    recipe = rows.Recipe("push", 20, 0.05, 10)
    inputs = rows.draw(np.random.default_rng(0), shape, 2).inputs
    found = [results(shape.program(recipe, file), "train", inputs) for file in ("rowwise.txt", "train.txt")]
    assert np.allclose(*found, rtol=0, atol=1e-12)


def test_rows_evened_at_each_step_are_learned_from_as_if_they_were_evened_once() -> None:
    shape = train_world.LEVELS["L3"].shape
    inputs = rows.draw(np.random.default_rng(0), shape, 2).inputs
    recipe = rows.Recipe("adapt", 10, 0.03, 10)
    found = [results(shape.program(recipe, file), "train", inputs) for file in ("anew.txt", "once.txt")]
    assert np.allclose(*found, rtol=0, atol=1e-9)


@pytest.mark.parametrize("level", ["L3", "L4"])
def test_the_training_that_lies_there_reaches_the_target_on_mixed_columns(level: str) -> None:
    knobs = train_world.LEVELS[level]
    drawn = rows.draw(np.random.default_rng(1), knobs.shape, 3)
    columns = drawn.inputs["x"][0].T
    assert np.abs(np.corrcoef(columns) - np.eye(len(columns))).max() > 0.5
    assert columns.std(axis=1).max() > 2 * columns.std(axis=1).min()
    assert drawn.right(results(knobs.shape.program(knobs.start, knobs.file), "train", drawn.inputs)).all()


def test_a_class_of_two_pairs_of_clouds_spreads_along_two_axes() -> None:
    shape = rows.Shape(rows=4_000, columns=8, hidden=16, classes=3, apart=4.5, pairs=2)
    drawn = rows.draw(np.random.default_rng(0), shape, 1)
    x, labels = drawn.inputs["x"][0], drawn.inputs["labels"][0]
    for label in range(3):
        spread = np.linalg.eigvalsh(x[labels == label].T @ x[labels == label] / (labels == label).sum())
        assert (spread > 5).tolist() == [False] * 6 + [True] * 2


def test_the_first_cases_are_those_of_all() -> None:
    drawn = rows.draw(np.random.default_rng(0), train_world.LEVELS["L0"].shape, 3)
    some = drawn.first(2)
    assert np.array_equal(some.inputs["x"], drawn.inputs["x"][:2])
    assert some.losses(np.zeros((2, drawn.size))).tolist() == pytest.approx([np.log(3)] * 2)


def test_rows_of_few_dimensions_lie_in_them_and_pairs_add_to_the_first_two_lags_alone() -> None:
    sizes = text.Sizes(10, 3, 1.0, lines=4, length=40, contexts=20, rank=2, pairs=1.0)
    language = text.draw(np.random.default_rng(0), sizes, (2, 5, 7))
    assert language.pairs is not None
    assert np.linalg.matrix_rank(language.rows.reshape(-1, 10)) == 2
    assert np.linalg.matrix_rank(language.pairs.reshape(-1, 10)) == 2
    contexts = np.zeros((2, text.CONTEXT), dtype=np.int64)
    contexts[0, [-2, -5, -7]] = 3, 4, 5
    found = np.log(language.probabilities(contexts[:1])[0])
    logs = language.rows[0, 3] + language.rows[1, 4] + language.rows[2, 5] + language.pairs[3, 4]
    assert np.allclose(found - found[0], logs - logs[0])


@pytest.mark.parametrize("level", ["L2", "L3"])
def test_the_reference_misses_less_than_a_seventh_of_what_the_start_does(level: str) -> None:
    hidden = world("ml/lm", level).hidden
    lesson = hidden.fresh[0]
    start, reference = (
        text.divergence(lesson.right, text.answer(program, lesson.text, lesson.contexts))
        for program in (hidden.start, hidden.reference)
    )
    assert 0 < reference < start / 7
    assert ("PAIRS = []" in hidden.reference) == (lm_world.LEVELS[level].sizes.pairs == 0)
