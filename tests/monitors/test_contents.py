"""Contents by their digest: what is read, and how much of it stays in mind."""

import tracemalloc
from pathlib import Path

from monitors.contents import Blobs
from sandbox.canonical import sha256

KIB = 2**10


def kept(directory: Path, number: int, size: int) -> str:
    """Keeps a content that no other number has; its digest."""
    content = number.to_bytes(4) * (size // 4)
    digest = sha256(content)
    (directory / digest).write_bytes(content)
    return digest


def test_contents_that_are_named_once_leave_at_most_two_mebibytes_in_mind(tmp_path: Path) -> None:
    digests = [kept(tmp_path, number, 64 * KIB) for number in range(80)]
    contents = Blobs(tmp_path)
    tracemalloc.start()
    try:
        assert sum(len(contents(digest) or b"") for digest in digests) == 80 * 64 * KIB
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 2.1 * 2**20


def test_a_small_content_takes_no_room_for_a_large_one(tmp_path: Path) -> None:
    digest, contents = kept(tmp_path, 1, KIB), Blobs(tmp_path)
    tracemalloc.start()
    try:
        assert contents(digest) is not None
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 256 * KIB


def test_a_file_that_has_not_the_digest_it_is_named_by_is_not_there(tmp_path: Path) -> None:
    digest = kept(tmp_path, 1, KIB)
    contents = Blobs(tmp_path)
    assert contents(digest) == (1).to_bytes(4) * 256
    (tmp_path / digest).write_bytes(b"another")
    assert contents(digest) is None
