"""What a submission costs is told in turns with the task's own kernels; only steady turns count."""

from dataclasses import replace
from math import exp, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.errors import GradingFault
from tasks.timing import NOISE, Anchor, Turn, calls_for, compare, enough

ANCHOR = Anchor(start=0.010, reference=0.001, overhead=0.005)


def turn(seconds: float, before: Anchor = ANCHOR, after: Anchor = ANCHOR, calls: int = 20) -> Turn:
    """A turn whose submission took ``seconds`` of processor time a call."""
    return Turn(before, seconds * calls + (before.overhead + after.overhead) / 2, calls, after)


def slowed(anchor: Anchor, by: float) -> Anchor:
    return Anchor(anchor.start * by, anchor.reference * by, anchor.overhead * by)


def test_the_start_scores_0_and_the_reference_as_the_reference() -> None:
    assert compare([turn(0.010)] * 7).submission == pytest.approx(0)
    speed = compare([turn(0.001)] * 7)
    assert speed.submission == pytest.approx(speed.reference) == pytest.approx(log(10))
    assert (speed.start_seconds, speed.seconds) == (pytest.approx(0.010), pytest.approx(0.001))


@given(st.lists(st.floats(0.5, 3.0), min_size=7, max_size=21))
def test_a_machine_that_is_slower_in_some_turns_gives_the_same_speed(slowness: list[float]) -> None:
    turns = [turn(0.002 * by, slowed(ANCHOR, by), slowed(ANCHOR, by)) for by in slowness]
    assert compare(turns).submission == pytest.approx(log(5))


def test_a_turn_in_which_the_machine_changed_its_pace_does_not_count() -> None:
    odd = turn(0.008, ANCHOR, slowed(ANCHOR, 1.7))
    assert not odd.steady
    assert compare([turn(0.002)] * 3 + [odd] * 20).submission == pytest.approx(log(5))


def test_fewer_than_three_steady_turns_are_unmeasurable_and_the_cause_says_so() -> None:
    odd = turn(0.002, ANCHOR, slowed(ANCHOR, 1.7))
    with pytest.raises(GradingFault, match="kept its pace in 2 of 21 turns") as caught:
        compare([turn(0.002)] * 2 + [odd] * 19)
    assert caught.value.cause == "unmeasurable"


def test_a_submission_cannot_make_a_turn_unsteady() -> None:
    assert compare([turn(0.002 * n) for n in (1, 50, 1, 50, 1, 50, 1)]).submission == pytest.approx(log(5))


def test_seven_steady_turns_are_enough_three_after_twelve_turns_and_21_of_any_kind() -> None:
    odd = turn(0.002, ANCHOR, slowed(ANCHOR, 1.7))
    assert not enough([turn(0.002)] * 6 + [odd] * 5)
    assert enough([turn(0.002)] * 7)
    assert enough([turn(0.002)] * 3 + [odd] * 9)
    assert not enough([turn(0.002)] * 2 + [odd] * 18)
    assert enough([odd] * 21)


def test_a_step_that_costs_no_more_than_nothing_counts_as_the_noise() -> None:
    free = replace(turn(0.001), cpu=0.0)
    assert free.seconds == NOISE / 20
    assert free.surely == 0
    assert exp(compare([free] * 7).submission) == pytest.approx(0.010 * 20 / NOISE)


@given(st.floats(0, 1), st.integers(1, 5), st.integers(5, 500))
def test_calls_make_up_the_work_within_their_bounds(seconds: float, least: int, most: int) -> None:
    calls = calls_for(seconds, 0.03, least, most)
    assert least <= calls <= most
    assert calls * seconds >= 0.03 or calls == most
    assert (calls - 1) * seconds <= 0.03 or calls == least
