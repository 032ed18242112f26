"""Reads arrays that come out of a box: bounded, checked before anything is allocated, no pickle.

The header is matched against the one form that ``numpy.save`` writes instead of being evaluated as
numpy does: a hostile one then meets a regular expression and nothing else.
"""

import re
from math import prod
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tasks.grading import Invalid

_MAGIC: Final = b"\x93NUMPY\x01\x00"
_HEADER_BYTES: Final = 4096
_HEADER: Final = re.compile(
    rb"\{'descr': '([^']{1,20})', 'fortran_order': (True|False), 'shape': \(([0-9, ]{0,100})\), \} *\n"
)
_FLOATS: Final = (b"<f8", b"<f4")
_INTEGERS: Final = (b"<i8", b"<i4")
_SHAPE: Final = re.compile(rb"[0-9]{1,18},(?: ?[0-9]{1,18})?")


class Unreadable(Invalid):
    """The bytes are not the array that was asked for; the text is a stable cause."""


def vector(data: bytes, n: int, what: str = "predictions") -> npt.NDArray[np.float64]:
    """The ``n`` finite numbers of an npy file of shape (n,) and type float64 or float32.

    The format: numpy.lib.format, version 1.0.

    Raises:
        Unreadable: anything else, by cause, which begins with ``what``.
    """
    values = _array(data, n, _FLOATS, what)
    if len(values) != n:
        raise Unreadable(f"{what}_wrong_shape")
    if not np.isfinite(values).all():
        raise Unreadable(f"{what}_not_finite")
    return values.astype(np.float64)


def matrix(data: bytes, shape: tuple[int, int], what: str) -> npt.NDArray[np.float64]:
    """The finite numbers of an npy file of such a shape and type float64 or float32.

    Raises:
        Unreadable: anything else, by cause, which begins with ``what``.
    """
    values, by_columns, found = _entries(data, shape[0] * shape[1], _FLOATS, what)
    if found != shape:
        raise Unreadable(f"{what}_wrong_shape")
    if not np.isfinite(values).all():
        raise Unreadable(f"{what}_not_finite")
    return values.reshape(shape, order="F" if by_columns else "C").astype(np.float64)


def integers(data: bytes, most: int, below: int, what: str) -> npt.NDArray[np.int64]:
    """The at most ``most`` whole numbers, each from 0 to ``below`` - 1, of an npy file of shape (n,)
    and type int64 or int32.

    Raises:
        Unreadable: anything else, by cause, which begins with ``what``.
    """
    values = _array(data, most, _INTEGERS, what)
    if len(values) and (values.min() < 0 or values.max() >= below):
        raise Unreadable(f"{what}_out_of_range")
    return values.astype(np.int64)


def _array(data: bytes, most: int, types: tuple[bytes, ...], what: str) -> npt.NDArray[Any]:
    """The one-dimensional array of at most ``most`` entries, of one of ``types``."""
    values, _, shape = _entries(data, most, types, what)
    if len(shape) != 1:
        raise Unreadable(f"{what}_wrong_shape")
    return values


def _entries(
    data: bytes, most: int, types: tuple[bytes, ...], what: str
) -> tuple[npt.NDArray[Any], bool, tuple[int, ...]]:
    """At most ``most`` entries in the file's order, whether that is by columns, and the shape."""
    if len(data) > 8 * most + _HEADER_BYTES:
        raise Unreadable(f"{what}_too_large")
    start = len(_MAGIC) + 2
    end = start + int.from_bytes(data[len(_MAGIC) : start], "little")
    header = _HEADER.fullmatch(data[start:end])
    if not data.startswith(_MAGIC) or header is None:
        raise Unreadable(f"{what}_not_npy")
    if _SHAPE.fullmatch(header[3]) is None:
        raise Unreadable(f"{what}_wrong_shape")
    shape = tuple(int(length) for length in header[3].split(b",") if length)
    if prod(shape) > most:
        raise Unreadable(f"{what}_wrong_shape")
    if header[1] not in types:
        raise Unreadable(f"{what}_wrong_type")
    kind = np.dtype(header[1].decode())
    if len(data) - end != prod(shape) * kind.itemsize:
        raise Unreadable(f"{what}_wrong_length")
    return np.frombuffer(data, kind, offset=end), header[2] == b"True", shape
