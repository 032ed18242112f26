"""What the runner reads of a hostile directory: never through a link, never beyond a bound, nothing unnamed."""

import contextlib
import hashlib
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

#: What lies outside; it is told apart by its content.
SECRET = b"secret"
NAMES = st.sampled_from(
    [
        b"a",
        b"b",
        b"verifier",
        b"x" * 255,
        b"\xff\xfe",
        b"new\nline",
        b"\x1b[31m",
        b" ",
        b".hidden",
        "é".encode(),
    ]
)
FILES = st.tuples(st.just("file"), st.binary(max_size=30))
LINKS = st.tuples(st.just("link"), st.sampled_from(["/", "..", ".", "a", "../secret", "/nowhere", "x" * 300]))
LEAVES = st.one_of(
    FILES, LINKS,
    st.tuples(st.sampled_from(["fifo", "socket", "holes", "hard", "locked"]), st.just(b"")),
)  # fmt: skip
TREES = st.recursive(
    st.dictionaries(NAMES, LEAVES, max_size=5),
    lambda below: st.dictionaries(NAMES, st.one_of(LEAVES, st.tuples(st.just("dir"), below)), max_size=5),
    max_leaves=20,
)


def plant(where: bytes, tree: dict[bytes, Any], secret: bytes) -> None:
    """Makes ``tree`` below ``where``."""
    for name, (kind, value) in tree.items():
        path = os.path.join(where, name)
        if kind == "dir":
            os.mkdir(path)
            plant(path, value, secret)
        elif kind == "link":
            os.symlink(value, path)
        elif kind == "fifo":
            os.mkfifo(path)
        elif kind == "socket":
            with socket.socket(socket.AF_UNIX) as bound, contextlib.suppress(OSError):
                bound.bind(path)  # refused where the path is longer than an address
        elif kind == "hard":
            os.link(secret, path)
        else:
            Path(os.fsdecode(path)).write_bytes(value)
            if kind == "holes":
                os.truncate(path, 2**40)
            elif kind == "locked":
                os.chmod(path, 0)


@contextlib.contextmanager
def planted(tree: dict[bytes, Any]) -> Iterator[Path]:
    """A directory that holds ``tree``, with a secret beside it."""
    base = Path(tempfile.mkdtemp())
    try:
        (base / "secret").write_bytes(SECRET)
        (base / "root").mkdir()
        plant(os.fsencode(base / "root"), tree, os.fsencode(base / "secret"))
        yield base / "root"
    finally:
        shutil.rmtree(base)


def paths(tree: dict[bytes, Any], prefix: bytes = b"") -> dict[str, str]:
    """Path → kind of everything in ``tree``."""
    found = {}
    for name, (kind, value) in tree.items():
        found[os.fsdecode(prefix + name)] = kind
        if kind == "dir":
            found |= paths(value, prefix + name + b"/")
    return found


def collected(runner: SimpleNamespace, root: Path, **bounds: Any) -> tuple[dict[str, Any], dict[str, bytes]]:
    taken: dict[str, bytes] = {}

    def take(path: str, piece: bytes) -> None:
        taken[path] = taken.get(path, b"") + piece

    asked = {"max_bytes": 10_000, "max_files": 100, **bounds}
    return runner.files.collect(
        str(root), asked.pop("max_bytes"), asked.pop("max_files"), take, **asked
    ), taken


@settings(max_examples=60, deadline=None)
@given(tree=TREES, max_bytes=st.integers(0, 100), max_files=st.integers(0, 5))
def test_a_collection_takes_or_names_every_entry_within_its_bounds(
    runner: SimpleNamespace, tree: dict[bytes, Any], max_bytes: int, max_files: int
) -> None:
    with planted(tree) as root:
        answer, taken = collected(runner, root, max_bytes=max_bytes, max_files=max_files)
        sizes = dict(answer["files"])
        there = {
            path: kind for path, kind in paths(tree).items() if (root / path).is_symlink() or kind != "dir"
        }
        there = {path: kind for path, kind in there.items() if os.path.lexists(root / path)}
        assert sizes.keys() | dict(answer["left"]).keys() == there.keys()
        assert not sizes.keys() & dict(answer["left"]).keys()
        assert sum(map(len, taken.values())) <= max_bytes
        assert len(sizes) <= max_files
        for path, size in sizes.items():
            assert there[path] in ("file", "hard", "locked")
            assert taken.get(path, b"") == (root / path).read_bytes()
            assert size == len(taken.get(path, b""))
            assert path.isprintable()


@settings(max_examples=60, deadline=None)
@given(tree=TREES, max_bytes=st.integers(0, 100), most=st.integers(0, 8))
def test_a_manifest_tells_each_entry_once_or_that_it_does_not(
    runner: SimpleNamespace, tree: dict[bytes, Any], max_bytes: int, most: int
) -> None:
    with planted(tree) as root:
        answer = runner.files.manifest(str(root), most, max_bytes)
        told = {entry[0]: entry for entry in answer["entries"]}
        there = {path for path in paths(tree) if os.path.lexists(root / path)}
        assert len(told) == len(answer["entries"]) <= most
        assert told.keys() <= there
        assert (told.keys() == there) == (answer["incomplete"] is None)
        for path, (_, kind, _, size, last) in told.items():
            status = os.lstat(root / path)
            if kind == "link":
                assert last == os.readlink(root / path)
            elif kind == "file":
                content = (root / path).read_bytes()
                assert (size, last) == (len(content), hashlib.sha256(content).hexdigest())
            else:
                assert (last, os.path.isdir(root / path)) == (None, kind == "dir")
            assert (kind == "link") == os.path.islink(root / path), status


@settings(max_examples=60, deadline=None)
@given(tree=TREES, path=st.sampled_from(["a", "a/b", "b/a/new", "verifier/b"]))
def test_writing_goes_through_no_link_and_touches_nothing_outside(
    runner: SimpleNamespace, tree: dict[bytes, Any], path: str
) -> None:
    def no_hard_links(tree: dict[bytes, Any]) -> dict[bytes, Any]:
        return {
            name: (kind, no_hard_links(value) if kind == "dir" else value)
            for name, (kind, value) in tree.items()
            if kind != "hard"
        }

    with planted(no_hard_links(tree)) as root:
        outside = set(os.listdir(root.parent))
        with contextlib.suppress(OSError):
            runner.tree.write_all(str(root), [[path, 0o644, 3]], b"new")
            assert Path(root, path).read_bytes() == b"new"
            assert Path(root, path).resolve() == Path(root, path)
        assert set(os.listdir(root.parent)) == outside
        assert (root.parent / "secret").read_bytes() == SECRET


@pytest.mark.parametrize("path", ["link", "way/file"])
def test_a_link_is_not_written_through(runner: SimpleNamespace, tmp_path: Path, path: str) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").write_bytes(SECRET)
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "link").symlink_to("../outside/file")
    (tmp_path / "root" / "way").symlink_to("../outside")
    with pytest.raises(OSError, match=r"symbolic links|Not a directory"):
        runner.tree.write_all(str(tmp_path / "root"), [[path, 0o644, 1]], b"x")
    assert (tmp_path / "outside" / "file").read_bytes() == SECRET


def test_nothing_beside_it_crowds_out_what_is_looked_at_first(
    runner: SimpleNamespace, tmp_path: Path
) -> None:
    for number in range(1_100):
        (tmp_path / f"{number}").symlink_to("x")
    (tmp_path / "verifier").mkdir()
    (tmp_path / "verifier" / "reward.txt").write_bytes(b"1")
    answer, taken = collected(runner, tmp_path, first="verifier")
    assert taken == {"verifier/reward.txt": b"1"}
    assert answer["left"][-1] == [str(tmp_path), "more than 1000 entries are left"]
    assert collected(runner, tmp_path)[1] == {}


def test_names_are_bounded_together(runner: SimpleNamespace, tmp_path: Path) -> None:
    for top in "abcdefgh":
        directory = tmp_path / top / ("y" * 250) / ("z" * 250)
        directory.mkdir(parents=True)
        for number in range(100):
            (directory / f"{number:0200}").touch()
    answer, _ = collected(runner, tmp_path, max_files=1_000)
    assert answer["left"] == [[str(tmp_path), "the names are too long"]]
    assert sum(len(path) for path, _ in answer["files"]) <= 2**18
    manifest = runner.files.manifest(str(tmp_path), 1_000, 100)
    assert manifest["incomplete"] == "too long names"
    assert sum(len(entry[0]) for entry in manifest["entries"]) <= 2**18


@pytest.mark.parametrize("change", ["grows", "shrinks", "goes", "turns into a pipe"])
def test_a_file_that_changes_while_it_is_read_harms_none_beside_it(
    runner: SimpleNamespace, tmp_path: Path, change: str
) -> None:
    size = 3 * runner.tree.PIECE
    (tmp_path / "a").write_bytes(bytes(size))
    (tmp_path / "b").write_bytes(b"b")
    taken: dict[str, int] = {}

    def take(path: str, piece: bytes) -> None:
        taken[path] = taken.get(path, 0) + len(piece)
        if path == "a" and change == "grows":
            with (tmp_path / "a").open("ab") as file:
                file.write(bytes(size))
        elif path == "a" and change == "shrinks":
            os.truncate(tmp_path / "a", 1)
        elif path == "a":
            (tmp_path / "a").unlink(missing_ok=True)
            if change.endswith("pipe"):
                os.mkfifo(tmp_path / "a")

    answer = runner.files.collect(str(tmp_path), 2 * size, 10, take)
    if change == "grows":
        # Without an end: what was sent of it is void, and leaves no room for more.
        assert (answer["files"], answer["left"]) == ([], [["a", "too large"], ["b", "too large"]])
    else:
        assert answer["files"] == [["a", taken["a"]], ["b", 1]]
    assert sum(taken.values()) <= 2 * size


def test_a_directory_that_is_renamed_while_it_is_walked_hides_itself_alone(
    runner: SimpleNamespace, tmp_path: Path
) -> None:
    for name in "abc":
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_bytes(name.encode())
    seen = []
    for found in runner.tree.walk(str(tmp_path)):
        seen.append((found.path, found.error))
        if found.path == "b" and found.error is None:
            (tmp_path / "b").rename(tmp_path / "aa")
            (tmp_path / "b").symlink_to("/etc")
    assert seen == [
        ("a", None), ("a/file", None), ("b", None), ("b", "Not a directory"), ("c", None), ("c/file", None),
    ]  # fmt: skip
