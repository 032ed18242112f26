"""performance/kernel, performance/train and ml/lm: what is right, what was remembered, what a model may claim."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.attempts.ledger_line import score
from experiments.pocket.workshop import workshop
from tasks.grading import Grade, Invalid
from tasks.suite.ml.lm.environment import text
from tasks.suite.ml.lm.grade import Answered, judged, worth
from tasks.suite.performance.kernel.environment import loops
from tasks.suite.performance.kernel.world import Kernel
from tasks.suite.performance.train.environment import rows
from tasks.suite.performance.train.grade import FASTEST
from tasks.suite.performance.train.world import LEVELS
from tasks.task import load_task
from tasks.world import World


def world(task: str, index: int, level: str = "L0") -> World:
    return load_task(task).draw(hashlib.sha256(f"world {index}".encode()).digest(), level, "plain")


def kernel(form: str) -> Kernel:
    """A kernel whose slow loop is of a form."""
    for seed in range(200):
        drawn = Kernel(loops.draw(np.random.default_rng(seed), 40))
        if form in [kind for _, kind, _ in drawn.pipeline.loops]:
            return drawn
    raise AssertionError("unreachable")


@pytest.mark.parametrize("form", loops.SLOW)
def test_each_form_in_numpy_computes_what_its_loop_in_python_does(form: str) -> None:
    drawn = kernel(form)
    cases = drawn.cases(np.random.default_rng(1), 3)
    space: dict[str, object] = {}
    exec(drawn.start, space)
    found = np.array([np.ravel(space["kernel"](x)) for x in cases.inputs["x"]])  # type: ignore[operator]
    assert cases.right(found).all()


def test_a_result_off_by_more_than_a_ten_thousandth_is_wrong_and_that_of_another_case_remembered() -> None:
    cases = kernel("decay").cases(np.random.default_rng(1), 4)
    off = cases.results + np.array([[0], [1e-6], [0], [0]])
    off[2] += 3e-4 * (1 + np.abs(off[2]))
    assert cases.right(off).tolist() == [True, True, False, True]
    assert not cases.remembered(off)
    assert cases.remembered(cases.results[[0, 0, 2, 3]])


@given(st.integers(0, 99))
def test_of_many_cases_some_are_looked_at_and_a_share_of_wrong_ones_or_a_remembered_one_is_seen(
    seed: int,
) -> None:
    drawn = kernel("decay")
    cases = drawn.cases(np.random.default_rng(seed), 250)
    found = np.zeros((250, cases.size))
    found[cases.looked] = cases.results
    assert 33 <= len(cases.looked) <= 64
    assert cases.right(found).all()
    late = np.roll(found, 1, axis=0)
    assert not cases.right(late).any()
    assert cases.remembered(late)
    found[seed % 4 :: 4] += 1
    assert not cases.right(found).all()


@pytest.mark.parametrize("form", loops.SLOW)
def test_a_kernel_in_half_precision_is_wrong_in_some_case_and_so_no_result(form: str) -> None:
    drawn = kernel(form)
    cases = drawn.cases(np.random.default_rng(1), 20)
    space: dict[str, object] = {}
    exec(drawn.reference, space)
    halves = [space["kernel"](x.astype(np.float16)) for x in cases.inputs["x"]]  # type: ignore[operator]
    assert not cases.right(np.array([np.ravel(half) for half in halves])).all()


def test_look_shows_the_slow_loop_first_and_speed_makes_it_the_reference() -> None:
    for index in range(4):
        drawn = world("performance/kernel", index)
        with workshop(drawn.files, [], []) as shop:
            shown = shop.run("python3 look.py")[1].splitlines()
            assert [line.split()[0] for line in shown] == ["slow", "fast", "fast", "fast"]
            _, name, form = shown[0].split()
            assert form in loops.SLOW
            assert shop.run(f"python3 speed.py {name} {form}") == (0, f"rewrote {name} as {form}\n")
            space: dict[str, object] = {}
            exec((shop.root / "work/submission/kernel.py").read_text(), space)
        public = drawn.hidden.public
        found = np.array([np.ravel(space["kernel"](x)) for x in public.inputs["x"]])  # type: ignore[operator]
        assert public.right(found).all()


def test_a_form_of_another_kernel_gives_wrong_results() -> None:
    drawn = world("performance/kernel", 0)
    with workshop(drawn.files, [], []) as shop:
        _, name, form = shop.run("python3 look.py")[1].splitlines()[0].split()
        wrong = next(other for other in loops.SLOW if other != form)
        shop.run(f"python3 speed.py {name} {wrong}")
        space: dict[str, object] = {}
        exec((shop.root / "work/submission/kernel.py").read_text(), space)
    public = drawn.hidden.public
    found = np.array([np.ravel(space["kernel"](x)) for x in public.inputs["x"]])  # type: ignore[operator]
    assert not public.right(found).any()


@pytest.mark.parametrize("level", LEVELS)
def test_the_reference_reaches_the_target_in_every_case(level: str) -> None:
    knobs = LEVELS[level]
    space: dict[str, object] = {}
    exec(knobs.shape.program(knobs.reference, knobs.reference_file), space)
    drawn = rows.draw(np.random.default_rng(2), knobs.shape, 20)
    found = [space["train"](*case) for case in zip(*drawn.inputs.values(), strict=True)]  # type: ignore[operator]
    assert drawn.right(np.array(found)).all()
    assert not drawn.remembered(np.array(found))


@pytest.mark.parametrize("level", ["L0", "L1", "L2", "L3"])
def test_weights_that_are_worked_out_without_descent_reach_the_target_and_are_no_cheat(level: str) -> None:
    """L4's reference, made for one pair of clouds: some 1.85 below L4, honest work that nobody has to forbid."""
    knobs = LEVELS[level]
    program = knobs.shape.program(knobs.reference, "computed.txt").replace(
        "PAIRS, FROM, KEEN = 2", "PAIRS, FROM, KEEN = 1"
    )
    space: dict[str, object] = {}
    exec(program, space)
    drawn = rows.draw(np.random.default_rng(1), knobs.shape, 6)
    found = np.array([space["train"](*case) for case in zip(*drawn.inputs.values(), strict=True)])  # type: ignore[operator]
    assert drawn.right(found).all()
    assert not drawn.remembered(found)


def test_a_training_two_hundred_times_as_fast_scores_above_1_and_lies_below_what_reading_the_rows_allows() -> (
    None
):
    read = LEVELS["L0"].shape.rows * LEVELS["L0"].shape.columns / FASTEST
    direct = Grade(np.log(200), 0.0, np.log(18), bound=np.log(0.05 / read))
    assert direct.raw == pytest.approx(1.83, abs=0.01)
    assert not direct.beyond_bound
    assert score(direct, [], ()).strict == direct.raw
    assert score(replace(direct, y=np.log(2000)), [], ()).strict == 2.0
    assert replace(direct, y=np.log(0.05 / read) + 0.1).beyond_bound


ESTIMATED = """
def estimate(weights, x, labels):
    scores = np.maximum(x @ weights[0] + weights[1], 0) @ weights[2] + weights[3]
    scores -= scores.max(axis=1, keepdims=True)
    return np.mean(np.log(np.exp(scores).sum(axis=1)) - scores[np.arange(len(x)), labels])


def train("""
STOPPING = f"        if estimate(weights, x[chosen], labels[chosen]) <= {rows.TARGET}:\n            break\n        for k"


@pytest.mark.parametrize("level", ["L0", "L1"])
def test_a_training_that_stops_by_a_batchs_estimate_misses_the_target_in_many_cases(level: str) -> None:
    """Every fresh case must reach it, so that such a training is no result."""
    knobs = LEVELS[level]
    program = knobs.shape.program(knobs.reference).replace("def train(", ESTIMATED, 1)
    space: dict[str, object] = {}
    exec(program.replace("        for k", STOPPING, 1), space)
    drawn = rows.draw(np.random.default_rng(2), knobs.shape, 12)
    found = [space["train"](*case) for case in zip(*drawn.inputs.values(), strict=True)]  # type: ignore[operator]
    assert 0 < drawn.right(np.array(found)).mean() < 0.8


def test_weights_of_one_case_are_wrong_in_another_and_equal_weights_are_remembered() -> None:
    shape = LEVELS["L0"].shape
    space: dict[str, object] = {}
    exec(shape.program(LEVELS["L0"].reference), space)
    drawn = rows.draw(np.random.default_rng(3), shape, 5)
    first = space["train"](*next(zip(*drawn.inputs.values(), strict=True)))  # type: ignore[operator]
    shipped = np.array([first] * 5)
    assert drawn.right(shipped).tolist() == [True, False, False, False, False]
    assert drawn.remembered(shipped)


def test_weights_without_a_value_reach_no_target() -> None:
    drawn = rows.draw(np.random.default_rng(3), LEVELS["L0"].shape, 1)
    assert not drawn.right(np.full((1, drawn.size), 1e300)).any()


def test_the_truth_misses_nothing_and_everything_else_something() -> None:
    sizes = text.Sizes(6, 2, 1.5, lines=10, length=50, contexts=40)
    random = np.random.default_rng(0)
    language = text.draw(random, sizes, (2, 5))
    contexts, _ = language.sample(random)
    right = language.probabilities(contexts)
    assert right.sum(axis=1) == pytest.approx(np.ones(40))
    assert judged(right, right).missed == 0
    assert judged(np.full((40, 6), 1 / 6), right).missed > 0.1
    assert judged(right, right).whole


def test_a_claim_of_more_than_1_is_better_than_the_truth_and_no_whole_answer() -> None:
    right = np.array([[0.2, 0.8], [0.5, 0.5]])
    claimed = judged(np.ones((2, 2)), right)
    assert claimed.missed < 0
    assert not claimed.whole


@pytest.mark.parametrize("missed", [0.2, 0.0, -0.001, -0.003])
def test_what_does_not_add_up_has_no_worth_even_just_below_the_truth(missed: float) -> None:
    with pytest.raises(Invalid, match="probabilities_do_not_add_up"):
        worth([Answered(missed, whole=True), Answered(missed, whole=False)])


def test_what_is_far_better_than_the_truth_is_let_pass_to_be_found_beyond_the_bound() -> None:
    assert worth([Answered(-0.5, whole=False), Answered(-0.3, whole=False)]) == 0.4
    assert Grade(0.4, -1.0, -0.1, bound=0.0, se=1e-3).beyond_bound
    assert worth([Answered(0.1, whole=True), Answered(0.3, whole=True)]) == -0.2


@pytest.mark.parametrize("value", [0.0, -0.1])
def test_a_probability_of_0_or_less_is_no_answer(value: float) -> None:
    with pytest.raises(Invalid, match="probabilities_not_positive"):
        judged(np.array([[1 - value, value]]), np.array([[0.5, 0.5]]))


def test_a_language_hangs_on_its_lags_alone() -> None:
    sizes = text.Sizes(5, 2, 1.5, lines=10, length=50, contexts=40)
    language = text.draw(np.random.default_rng(1), sizes, (2, 5))
    contexts = np.zeros((2, text.CONTEXT), dtype=np.int64)
    contexts[1, [-1, -3, -4, -6, -7, -8]] = 4
    assert np.array_equal(*language.probabilities(contexts))


def test_look_shows_the_two_lags_first_in_every_world() -> None:
    for index in range(4):
        drawn = world("ml/lm", index)
        with workshop(drawn.files, [], []) as shop:
            shown = [line.split()[1] for line in shop.run("python3 look.py")[1].splitlines()]
            chosen = sorted(int(lag) for lag in shown[:2])
            shop.run("python3 use.py " + " ".join(map(str, chosen)))
            assert (shop.root / "work/submission/lm.py").read_text() == drawn.hidden.reference
