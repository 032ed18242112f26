"""Contents that come piece by piece are what was sent, whether they fit in memory or not."""

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.errors import BoxFault, StorageFault
from sandbox.link import spool as spooling
from sandbox.link.spool import Spool

PIECES = st.lists(st.binary(min_size=1, max_size=40), max_size=4)


def filled(contents: dict[str, list[bytes]]) -> Spool:
    spool = Spool(10_000, 100)
    for path, pieces in contents.items():
        for piece in pieces:
            spool.add(path, piece)
    spool.keep((path, sum(map(len, pieces))) for path, pieces in contents.items())
    return spool


@pytest.mark.parametrize("in_memory", [spooling.IN_MEMORY, 50])
@given(contents=st.dictionaries(st.text(max_size=5), PIECES, max_size=6))
def test_each_file_is_its_pieces_in_order(in_memory: int, contents: dict[str, list[bytes]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spooling, "IN_MEMORY", in_memory)
        assert dict(filled(contents)) == {path: b"".join(pieces) for path, pieces in contents.items()}


def test_what_does_not_fit_in_memory_leaves_no_file_and_no_descriptor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = len(os.listdir("/proc/self/fd"))
    spool = Spool(2**22, 10)
    for _ in range(8):
        spool.add("a", b"x" * 2**18)
    assert (list(tmp_path.iterdir()), len(os.listdir("/proc/self/fd"))) == ([], before + 1)
    assert spool["a"] == b"x" * 2**21
    del spool
    assert len(os.listdir("/proc/self/fd")) == before


def test_only_what_is_kept_is_there() -> None:
    spool = Spool(100, 10)
    spool.add("void", b"half of")
    spool.add("whole", b"whole")
    spool.keep([("whole", 5), ("empty", 0)])
    assert dict(spool) == {"whole": b"whole", "empty": b""}


def test_what_was_not_asked_for_is_refused() -> None:
    spool = Spool(4, 1)
    spool.add("a", b"abcd")
    with pytest.raises(BoxFault, match="more than was asked for"):
        spool.add("a", b"e")
    spool = Spool(100, 1)
    for path in ("a", "b"):
        spool.add(path, b"x")
    with pytest.raises(BoxFault, match="a file twice"):
        spool.add("a", b"x")
    with pytest.raises(BoxFault, match="does not add up"):
        spool.keep([("b", 2)])
    with pytest.raises(BoxFault, match="does not add up"):
        spool.keep([("b", 1), ("b", 1)])
    with pytest.raises(BoxFault, match="more than was asked for"):
        spool.keep([("a", 1), ("b", 1)])


def test_a_disk_that_refuses_is_the_hosts_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    spool = Spool(2**22, 1)
    with pytest.raises(StorageFault, match="No such file or directory"):
        spool.add("a", bytes(2**21))
