"""One box's share of the loop is kept over any time, and unused time is given back only up to the burst."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.door.pace import Pace


@given(
    st.floats(0.05, 1.0),
    st.floats(0.0, 5.0),
    st.lists(st.tuples(st.floats(0, 3), st.floats(0, 1)), max_size=30),
)
def test_over_any_time_the_work_that_went_is_within_share_and_burst(share, burst, asked):
    now = 100.0
    pace = Pace(share, burst, lambda: now)
    went = []
    for pause, work in asked:
        now += pause
        now += pace.book(work)
        went.append((now, work))
    for first, (began, _) in enumerate(went):
        for last in range(first, len(went)):
            done = sum(work for _, work in went[first : last + 1])
            # The first of them may have been booked within a burst that was saved up before.
            assert done <= share * (went[last][0] - began + burst) + went[first][1] + 1e-6


def test_work_within_the_share_never_waits():
    now = 0.0
    pace = Pace(0.25, 0.0, lambda: now)
    assert pace.book(0.0) == 0.0
    waits = []
    for _ in range(10):
        now += 1.0
        waits.append(pace.book(0.25))
    # Without a burst each waits for its own work alone.
    assert waits == [pytest.approx(1.0)] * 10


def test_a_burst_goes_at_once_and_what_is_beyond_it_waits():
    pace = Pace(0.5, 1.0, lambda: 7.0)
    assert [pace.book(0.25) for _ in range(4)] == [0.0, 0.0, 0.5, 1.0]
