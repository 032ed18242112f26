"""Files as values: what is laid out in a box, what is taken out of it, and its identity."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from sandbox.canonical import digest, sha256

#: [path, type, mode, size, digest or link target]
Entry = tuple[str, str, int, int, str | None]
TYPES: Final = ("file", "dir", "link", "other")


@dataclass(frozen=True, slots=True)
class FileSpec:
    """One regular file to lay out. ``path`` is relative to the root it is put under."""

    path: str
    content: bytes
    mode: int = 0o644


@dataclass(frozen=True, slots=True)
class Manifest:
    """A directory's entries, sorted by the bytes of their paths, the root left out."""

    entries: tuple[Entry, ...]
    #: Why it is incomplete (too many entries, unreadable part); None if it is whole.
    incomplete: str | None = None
    #: By which the box knows it again; None where it cannot vouch that nothing has changed since.
    mark: int | None = field(default=None, compare=False)

    @property
    def id(self) -> str:
        """The scaffold id of contract.md section 3: a digest of the entries and nothing else."""
        return digest(self.as_json())

    def as_json(self) -> list[list[Any]]:
        """The entries as they are hashed and stored; a name that is not UTF-8 as bytes."""
        return [[_name(path), kind, mode, size, _name(last)] for path, kind, mode, size, last in self.entries]


@dataclass(frozen=True, slots=True)
class Collection:
    """What was taken out of a box: file contents by path, and what was left with the reason.

    Contents may lie on the host's disk: ask for each when it is needed, and for all of them never at once.
    """

    files: Mapping[str, bytes]
    left: tuple[tuple[str, str], ...] = ()


def _name(text: str | None) -> str | bytes | None:
    """Names come with surrogates for bytes that are not UTF-8; two such names must not collide."""
    if text is None or text.isascii():
        return text
    return text.encode("utf-8", "surrogateescape")


def manifest_of(files: Iterable[FileSpec]) -> Manifest:
    """The manifest that ``files`` have once laid out: modes 0755 or 0644 by the owner's execute
    bit, directories 0755."""
    entries: list[Entry] = []
    directories: set[str] = set()
    for file in files:
        entries.append((file.path, "file", layout_mode(file.mode), len(file.content), sha256(file.content)))
        parts = file.path.split("/")[:-1]
        directories.update("/".join(parts[: i + 1]) for i in range(len(parts)))
    entries += [(path, "dir", 0o755, 0, None) for path in directories]
    return Manifest(tuple(sorted(entries, key=lambda entry: entry[0].encode("utf-8", "surrogateescape"))))


def layout_mode(mode: int) -> int:
    """0755 where the owner may execute, else 0644: a checkout's umask does not count."""
    return 0o755 if mode & 0o100 else 0o644


def read_tree(root: Path) -> tuple[FileSpec, ...]:
    """The regular files under ``root`` on the host, by path, bytecode caches left out."""
    return tuple(
        FileSpec(path.relative_to(root).as_posix(), path.read_bytes(), layout_mode(path.stat().st_mode))
        for path in sorted(root.rglob("*"))
        if path.is_file() and not path.is_symlink() and "__pycache__" not in path.parts
    )
