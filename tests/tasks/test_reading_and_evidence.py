"""Arrays from a box are read strictly; the exact test gives its known answers."""

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.evidence import far_more, fisher_greater
from tasks.npy import Unreadable, integers, vector


def npy(array: Any, **options: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=50))
def test_what_was_saved_is_what_is_read(values: list[float]) -> None:
    assert vector(npy(np.array(values)), len(values)).tolist() == values


@given(st.binary(max_size=400), st.integers(0, 140))
def test_damaged_bytes_are_refused_and_never_raise_anything_else(noise: bytes, at: int) -> None:
    data = npy(np.arange(3.0))
    try:
        values = vector(data[:at] + noise + data[at + len(noise) :], 3)
    except Unreadable:
        return
    assert values.shape == (3,)


def header(text: str) -> bytes:
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (b"", "predictions_not_npy"),
        (npy(np.array([{}], dtype=object), allow_pickle=True), "predictions_wrong_type"),
        (npy(np.zeros(1)) + b"\0", "predictions_wrong_length"),
        (npy(np.zeros(4)), "predictions_wrong_shape"),
        (npy(np.zeros(1, dtype=">f8")), "predictions_wrong_type"),
        (npy(np.array([np.inf])), "predictions_not_finite"),
        (b"\0" * 10_000, "predictions_too_large"),
        (
            header("{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999,), }\n"),
            "predictions_wrong_shape",
        ),
        (header("__import__('os').abort()"), "predictions_not_npy"),
    ],
)
def test_anything_but_the_asked_array_is_refused_by_cause(data: bytes, cause: str) -> None:
    with pytest.raises(Unreadable, match=f"^{cause}$"):
        vector(data, 1)


@given(st.lists(st.integers(0, 6), max_size=50))
def test_whole_numbers_are_read_as_they_were_saved(values: list[int]) -> None:
    for kind in (np.int32, np.int64):
        assert integers(npy(np.array(values, dtype=kind)), 50, 7, "labels").tolist() == values


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (b"", "labels_not_npy"),
        (npy(np.zeros(2)), "labels_wrong_type"),
        (npy(np.zeros(4, dtype=int)), "labels_wrong_shape"),
        (npy(np.zeros((1, 2), dtype=int)), "labels_wrong_shape"),
        (npy(np.array([0, 7])), "labels_out_of_range"),
        (npy(np.array([-1])), "labels_out_of_range"),
        (b"\0" * 10_000, "labels_too_large"),
    ],
)
def test_anything_but_whole_numbers_in_range_is_refused_by_cause(data: bytes, cause: str) -> None:
    with pytest.raises(Unreadable, match=f"^{cause}$"):
        integers(data, 3, 7, "labels")


def test_single_precision_is_taken() -> None:
    assert vector(npy(np.array([0.5, 1.5], dtype=np.float32)), 2).tolist() == [0.5, 1.5]


def test_far_more_is_a_fifth_more_that_no_chance_explains() -> None:
    assert far_more((801, 1000), (22, 4000))
    assert far_more((206, 1000), (22, 4000))
    assert not far_more((200, 1000), (22, 4000))
    assert not far_more((9, 10), (4, 10))


def test_fishers_exact_test_gives_known_answers() -> None:
    # Fisher's lady tasting tea: 3 of 4 against 1 of 4 gives 17/70.
    assert fisher_greater(3, 4, 1, 4) == pytest.approx(17 / 70)
    assert fisher_greater(4, 4, 0, 4) == pytest.approx(1 / 70)
    assert fisher_greater(0, 4, 4, 4) == 1.0


@given(st.integers(0, 30), st.integers(0, 12))
def test_the_p_value_falls_as_the_first_share_grows(right: int, other: int) -> None:
    p = fisher_greater(right, 30, other, 12)
    assert 0 < p <= 1
    if right < 30:
        assert fisher_greater(right + 1, 30, other, 12) <= p
