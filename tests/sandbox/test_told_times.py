"""A time of last change that is set on a record is told by whatever call, and one that stays as it is is not."""

import ctypes
import os
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.sensors import memory, times

NOW, OMIT = 2**30 - 1, 2**30 - 2


def told(name: str, path: Path, pair: bytes | None, guarded: list[str]) -> dict[str, Any] | None:
    """What the call tells that this process would make with such a pair of times."""
    name_at = ctypes.create_string_buffer(os.fsencode(path))
    pair_at = ctypes.create_string_buffer(pair or b"")
    pointers = [ctypes.addressof(name_at), 0 if pair is None else ctypes.addressof(pair_at)]
    file = memory.opened(os.getpid())
    try:
        asked = [2**64 - 100, *pointers, 0] if name in ("utimensat", "futimesat") else [*pointers, 0, 0]
        return times.change(file, name, asked, os.getpid(), guarded)
    finally:
        os.close(file)


@pytest.mark.parametrize(
    ("name", "steps"), [("utime", 1), ("utimes", 10**6), ("futimesat", 10**6), ("utimensat", 10**9)]
)
def test_a_time_is_told_exactly_where_it_becomes_another(tmp_path: Path, name: str, steps: int) -> None:
    path = tmp_path / "beats"
    path.write_text("1")

    @given(st.integers(0, 2**33), st.integers(0, 10**9 - 1), st.sampled_from([-1, 0, 1]))
    def law(seconds: int, fraction: int, later: int) -> None:
        os.utime(path, ns=(0, seconds * 10**9 + fraction))
        asked = (seconds * 10**9 + os.stat(path).st_mtime_ns % 10**9) // (10**9 // steps) + later
        if asked < 0:
            return
        whole, rest = divmod(asked, steps)
        pair = struct.pack("=qq", 5, whole) if steps == 1 else struct.pack("=qqqq", 5, 5, whole, rest)
        expected = None if later == 0 else {"call": "times", "path": str(path), "to": None, "runs": None}
        assert told(name, path, pair, [str(tmp_path)]) == expected

    law()


def test_now_is_a_change_and_a_time_that_is_left_out_is_none(tmp_path: Path) -> None:
    path = tmp_path / "beats"
    path.write_text("1")
    for name in times.FORMS:
        assert told(name, path, None, [str(path)]) is not None
        assert told(name, path, None, []) is None
    assert told("utimensat", path, struct.pack("=qqqq", 0, 0, 0, NOW), [str(path)]) is not None
    assert told("utimensat", path, struct.pack("=qqqq", 0, 0, 0, OMIT), [str(path)]) is None
