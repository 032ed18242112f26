"""What a submission costs is told in laps beside the task's own kernels, which meet the same machine."""

import asyncio
from collections.abc import Sequence
from math import exp, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.box import Completed, Usage
from sandbox.errors import BoxDied, GradingFault
from sandbox.fake import FakeBox
from tasks.laps import Calls, Cost, Lap, compare, enough, error, rate
from tasks.timing import NOISE, Course, calls_for, cpu_seconds

#: Processor seconds of a call on a quiet machine.
START, REFERENCE = 0.010, 0.001


def lap(seconds: float, calls: int = 20, start: float = START, reference: float = REFERENCE) -> Lap:
    """A lap whose submission took ``seconds`` of processor time a call."""
    return Lap(Cost(seconds * calls + 0.005, 0.005, calls), 1 / start, 1 / reference)


def odd(number: int) -> Lap:
    """A lap in which one anchor was slowed and the other not, by more from one to the next."""
    return lap(0.002, start=START * 1.3**number)


def raced(slowness: list[float], used: list[float], seconds: float) -> Lap:
    """A lap of a machine that is slower by ``slowness`` in one tenth of a second after the other.

    Args:
        used: processor seconds that the submission used in each.
        seconds: what a call of the submission takes on a quiet machine.
    """
    edges = [index / 10 for index in range(len(used) + 1)]
    course = Course(edges, [sum(used[:index]) for index in range(len(used) + 1)])

    def made(quiet: float) -> list[Calls]:
        spans = zip(edges, edges[1:], slowness, strict=False)
        return [Calls(began, ended, 3 * quiet * slow, 3) for began, ended, slow in spans]

    calls = sum(part / (seconds * slow) for part, slow in zip(used, slowness, strict=True))
    # A step makes whole calls; here parts of one are let count.
    cost = Cost(sum(used), 0.0, calls)  # type: ignore[arg-type]
    return Lap(cost, rate(made(START), course), rate(made(REFERENCE), course))


PARTS = st.lists(st.tuples(st.floats(0.5, 3.0), st.floats(0.0, 0.1)), min_size=2, max_size=9)


def test_the_start_scores_0_and_the_reference_as_the_reference() -> None:
    assert compare([lap(START)] * 3).submission == pytest.approx(0)
    speed = compare([lap(REFERENCE)] * 3)
    assert speed.submission == pytest.approx(speed.reference) == pytest.approx(log(10))
    assert speed.start_seconds == pytest.approx(0.010)


@given(st.lists(PARTS, min_size=3, max_size=6))
def test_a_machine_that_changes_its_pace_within_laps_gives_the_same_speed(
    parts: list[list[tuple[float, float]]],
) -> None:
    laps = [raced([slow for slow, _ in part], [0.05 + used for _, used in part], 0.002) for part in parts]
    assert compare(laps).submission == pytest.approx(log(5))
    assert compare(laps).reference == pytest.approx(log(10))


def test_who_rests_until_the_machine_is_quick_is_held_against_anchors_that_are_quick_too() -> None:
    waiting = raced([1.7, 1.7, 1.0, 1.7], [0.0, 0.0, 0.1, 0.0], 0.002)
    assert compare([waiting] * 3).submission == pytest.approx(log(5))


def test_what_was_used_while_no_call_of_an_anchor_was_made_weighs_nothing() -> None:
    course = Course([0.0, 1.0, 2.0], [0.0, 0.5, 0.5])
    assert course.between(0.0, 0.5) == 0.25
    assert course.between(-1.0, 3.0) == 0.5
    assert rate([Calls(0.0, 1.0, 0.5, 5), Calls(1.0, 2.0, 0.5, 50)], course) == 10
    assert rate([Calls(3.0, 4.0, 0.5, 50)], course) == rate([Calls(3.0, 4.0, 0.5, 50)]) == 100


def test_three_laps_that_agree_are_enough_and_twelve_of_any_kind() -> None:
    assert not enough([lap(0.002)] * 2)
    assert enough([lap(0.002)] * 3)
    assert not enough([lap(0.002), lap(0.002), lap(0.004)])
    assert not enough([odd(number) for number in range(11)])
    assert enough([odd(number) for number in range(12)])


def test_laps_go_on_until_the_score_is_told_closely_enough() -> None:
    scores = [0.50, 0.53, 0.56, 0.515, 0.545]
    laps = [lap(START / 10**score) for score in scores]
    assert [enough(laps[:number]) for number in (3, 4, 5)] == [False, False, False]
    assert error(scores) == pytest.approx(0.03 / 5**0.5)
    assert enough([*laps, lap(START / 10**0.53), lap(START / 10**0.53)])


def test_one_lap_in_which_the_machine_stood_still_does_not_count() -> None:
    laps = [lap(0.002), lap(0.002), lap(0.02), lap(0.002), lap(0.002)]
    assert enough(laps)
    assert compare(laps).submission == pytest.approx(log(5))


def test_anchors_that_do_not_agree_are_unmeasurable_and_the_cause_says_so() -> None:
    with pytest.raises(GradingFault, match="after 12 laps") as caught:
        compare([odd(number) for number in range(12)])
    assert caught.value.cause == "unmeasurable"


def test_a_submission_of_varying_cost_is_measured_and_gains_nothing_by_its_few_quick_laps() -> None:
    laps = [lap(0.002 * n) for n in (50, 1, 50, 1, 50, 40, 30, 1, 50, 50, 1, 40)]
    assert enough(laps)
    assert compare(laps).submission == pytest.approx(log(START / (0.002 * 40)))


def test_a_submission_like_the_reference_scores_1_however_the_start_was_met() -> None:
    laps = [lap(REFERENCE, start=START * by) for by in (0.98, 1.0, 1.02)]
    speed = compare(laps)
    assert speed.submission == pytest.approx(speed.reference)


def test_a_step_that_costs_no_more_than_nothing_counts_as_the_noise() -> None:
    free = Lap(Cost(0.0, 0.005, 20), 1 / START, 1 / REFERENCE)
    assert free.cost.seconds == NOISE / 20
    assert free.cost.surely == 0
    assert exp(compare([free] * 3).submission) == pytest.approx(START * 20 / NOISE)


@given(st.floats(0, 1), st.integers(1, 5), st.integers(5, 500))
def test_calls_make_up_the_work_within_their_bounds(seconds: float, least: int, most: int) -> None:
    calls = calls_for(seconds, 0.03, least, most)
    assert least <= calls <= most
    assert calls * seconds >= 0.03 or calls == most
    assert (calls - 1) * seconds <= 0.03 or calls == least


def test_the_time_of_a_box_that_ended_is_no_reason_to_grade_anew_and_a_counter_that_is_not_there_is_one() -> (
    None
):
    async def program(box: FakeBox, argv: Sequence[str]) -> Completed:
        raise AssertionError("nothing is run")

    async def main() -> None:
        box = FakeBox(program, used=Usage())
        with pytest.raises(GradingFault, match="cannot be read"):
            cpu_seconds(box)
        box.die("its first process was killed")
        with pytest.raises(BoxDied, match="its first process was killed"):
            cpu_seconds(box)

    asyncio.run(main())
