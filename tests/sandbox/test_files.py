"""A directory's identity: a digest of its files and of nothing else."""

import hashlib
import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from sandbox.files import FileSpec, Manifest, manifest_of, read_tree

MAIN = FileSpec("main.py", b"print()\n", 0o700)
NOTES = FileSpec("memory/notes.md", b"", 0o600)


def test_a_manifest_holds_files_and_directories_in_the_order_of_path_bytes() -> None:
    assert manifest_of([NOTES, MAIN, FileSpec("memory.txt", b"x")]).entries == (
        ("main.py", "file", 0o755, 8, "d8594fa1268ecabc62af7c9e2449b8c46db0f426cd9aad384c67efe59e582b3e"),
        ("memory", "dir", 0o755, 0, None),
        ("memory.txt", "file", 0o644, 1, "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"),
        ("memory/notes.md", "file", 0o644, 0, hashlib.sha256(b"").hexdigest()),
    )


def test_the_id_is_the_digest_of_the_canonical_list_of_entries() -> None:
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    listed = f'[["memory","dir",493,0,null],["memory/notes.md","file",420,0,"{empty}"]]'
    assert manifest_of([NOTES]).id == hashlib.sha256(listed.encode()).hexdigest()
    assert manifest_of([NOTES]).id == "8de758b7a3dc11622196873b3cf845bbf789a6feb0019a3f1cc68b82094b149f"


def test_an_empty_directory_has_the_id_of_the_empty_list() -> None:
    assert manifest_of([]).id == hashlib.sha256(b"[]").hexdigest()


def test_every_directory_on_the_way_is_an_entry_once() -> None:
    files = [FileSpec("a/b/c", b""), FileSpec("a/b/d", b""), FileSpec("a/e", b"")]
    assert [entry[0] for entry in manifest_of(files).entries] == ["a", "a/b", "a/b/c", "a/b/d", "a/e"]


def test_an_incomplete_manifest_has_the_id_of_what_it_holds() -> None:
    whole = manifest_of([MAIN])
    assert Manifest(whole.entries, incomplete="too many entries").id == whole.id


@given(st.permutations([MAIN, NOTES, FileSpec("z", b"1"), FileSpec("é/ü", b"2")]))
def test_the_order_in_which_files_are_given_does_not_count(files: list[FileSpec]) -> None:
    assert manifest_of(files) == manifest_of(sorted(files, key=lambda file: file.path))


@given(st.integers(0, 0o777), st.integers(0, 0o777))
def test_of_a_mode_only_the_owners_execute_bit_counts(one: int, other: int) -> None:
    ids = {manifest_of([FileSpec("f", b"", mode)]).id for mode in (one, other)}
    assert len(ids) == (1 if one & 0o100 == other & 0o100 else 2)


@given(st.binary(max_size=9), st.binary(max_size=9))
def test_another_content_is_another_id(one: bytes, other: bytes) -> None:
    same = manifest_of([FileSpec("f", one)]).id == manifest_of([FileSpec("f", other)]).id
    assert same == (one == other)


def test_a_tree_is_read_with_its_regular_files_alone(tmp_path: Path) -> None:
    (tmp_path / "tools" / "__pycache__").mkdir(parents=True)
    (tmp_path / "tools" / "__pycache__" / "a.pyc").write_bytes(b"bytecode")
    (tmp_path / "tools" / "a.py").write_bytes(b"1")
    (tmp_path / "main.py").write_bytes(b"2")
    (tmp_path / "main.py").chmod(0o700)
    (tmp_path / "link").symlink_to("main.py")
    os.mkfifo(tmp_path / "pipe")
    assert read_tree(tmp_path) == (FileSpec("main.py", b"2", 0o755), FileSpec("tools/a.py", b"1", 0o644))


def test_a_tree_keeps_its_id_under_any_umask(tmp_path: Path) -> None:
    ids = set()
    for mode in (0o600, 0o644, 0o664):
        (tmp_path / "f").write_bytes(b"x")
        (tmp_path / "f").chmod(mode)
        ids.add(manifest_of(read_tree(tmp_path)).id)
    assert len(ids) == 1


def test_a_name_that_is_not_utf8_is_stored_as_its_bytes_and_still_told_apart() -> None:
    names = [b"\xff".decode("utf-8", "surrogateescape"), b"\xfe".decode("utf-8", "surrogateescape")]
    one, other = (Manifest(((name, "link", 0o777, 0, name),)) for name in names)
    assert one.as_json() == [[b"\xff", "link", 0o777, 0, b"\xff"]]
    assert one.id == hashlib.sha256(b'[[{"b64":"/w=="},"link",511,0,{"b64":"/w=="}]]').hexdigest()
    assert one.id != other.id
