"""What is shown of a number never says zero of what is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.text import decimal


@pytest.mark.parametrize(
    ("value", "places", "shown"),
    [(0.0, 3, "0.000"), (0.8126, 3, "0.813"), (0.0004, 3, "0.0004"), (1e-6, 3, "1e-06"), (0.004, 2, "0.004"),
     (-0.0001, 3, "-0.0001"), (0.0005, 3, "0.001"), (12.0, 2, "12.00")],
)  # fmt: skip
def test_a_number_is_shown_with_decimals_or_its_first_digit(value: float, places: int, shown: str) -> None:
    assert decimal(value, places) == shown


def test_a_difference_shows_its_sign() -> None:
    assert [decimal(value, sign="+") for value in (0.25, -0.25, 0.0001)] == ["+0.250", "-0.250", "+0.0001"]


@given(st.floats(-1e6, 1e6), st.integers(1, 4))
def test_only_zero_is_shown_as_zero(value: float, places: int) -> None:
    assert (float(decimal(value, places)) == 0) == (value == 0)
