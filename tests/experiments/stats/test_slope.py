"""A series that begins to rise faster shows in standard errors of its newest value."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from experiments.stats.slope import Rise, rise

STEPS = [0, 1, 2, 3, 4, 5, 6]


def test_a_value_above_the_line_of_the_six_before_by_hand() -> None:
    """Slope −6/35 through mean 0, so −0.6 is predicted; s² = (6 − 18/35)/4 and the error √(s²·(1 + 1/6 + 0.7))."""
    assert rise(STEPS, [1.0, -1.0, 1.0, -1.0, 1.0, -1.0, 5.0]).errors == pytest.approx(5.6 / 1.6)


def test_six_on_a_line_or_too_few_name_the_cause() -> None:
    assert rise(STEPS[:6], [0.0] * 6) == Rise(None, "fewer than 7 checkpoints so far")
    cause = "the 6 checkpoints before lie on one line, which has no standard error"
    assert rise(STEPS, [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 9.0]) == Rise(None, cause)


@given(st.lists(st.integers(-9, 9), min_size=7, max_size=9), st.integers(1, 5), st.integers(-9, 9))
def test_neither_scale_nor_shift_nor_what_lies_further_back_matters(
    values: list[int], scale: int, shift: int
) -> None:
    steps = [10.0 * i for i in range(len(values))]
    first = rise(steps, values)
    second = rise([s * scale for s in steps[-7:]], [v * scale + shift for v in values[-7:]])
    assert second.errors == pytest.approx(first.errors) and second.cause == first.cause


def test_without_a_change_it_exceeds_two_with_the_chance_of_student_with_four_degrees() -> None:
    rng = np.random.default_rng(0)
    found = [rise(STEPS, (0.1 * np.arange(7) + rng.normal(size=7)).tolist()).errors or 0 for _ in range(4000)]
    assert np.mean(np.array(found) > 2) == pytest.approx(float(stats.t.sf(2, 4)), abs=0.012)
