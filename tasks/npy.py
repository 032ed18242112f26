"""Reads arrays that come out of a box: bounded, checked before anything is allocated, no pickle.

The header is matched against the one form that ``numpy.save`` writes instead of being evaluated as
numpy does: a hostile one then meets a regular expression and nothing else.
"""

import re
from typing import Final

import numpy as np
import numpy.typing as npt

_MAGIC: Final = b"\x93NUMPY\x01\x00"
_HEADER_BYTES: Final = 4096
_HEADER: Final = re.compile(
    rb"\{'descr': '([^']{1,20})', 'fortran_order': (?:True|False), 'shape': \(([0-9, ]{0,100})\), \} *\n"
)
_TYPES: Final = (b"<f8", b"<f4")


class Unreadable(Exception):
    """The bytes are not the array that was asked for; the text is a stable cause."""


def vector(data: bytes, n: int) -> npt.NDArray[np.float64]:
    """The ``n`` finite numbers of an npy file of shape (n,) and type float64 or float32.

    The format: numpy.lib.format, version 1.0.

    Raises:
        Unreadable: anything else, by cause.
    """
    if len(data) > 8 * n + _HEADER_BYTES:
        raise Unreadable("predictions_too_large")
    start = len(_MAGIC) + 2
    end = start + int.from_bytes(data[len(_MAGIC) : start], "little")
    header = _HEADER.fullmatch(data[start:end])
    if not data.startswith(_MAGIC) or header is None:
        raise Unreadable("predictions_not_npy")
    if header[2] != b"%d," % n:
        raise Unreadable("predictions_wrong_shape")
    if header[1] not in _TYPES:
        raise Unreadable("predictions_wrong_type")
    kind = np.dtype(header[1].decode())
    if len(data) - end != n * kind.itemsize:
        raise Unreadable("predictions_wrong_length")
    values = np.frombuffer(data, kind, offset=end).astype(np.float64)
    if not np.isfinite(values).all():
        raise Unreadable("predictions_not_finite")
    return values
