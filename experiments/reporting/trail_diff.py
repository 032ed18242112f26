"""What changed in a scaffold between two versions, as a diff of the stored files."""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from experiments.record.durable import BLOBS
from experiments.text import plain, printable
from monitors.manifests import changes, path_of

#: Files shown of one pair of versions; lines shown of one file; characters of a line.
FILES, LINES, CHARACTERS = 6, 60, 200
#: A larger file, or one of more lines, is named and not compared: comparing takes time by their square.
_BYTES, _LONGEST = 256_000, 4_000
_ORDER: Final = ("changed", "mode", "removed", "added")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class FileDiff:
    """One file. ``lines`` are those of a unified diff, or one that says why there is none."""

    path: str
    how: str
    lines: tuple[str, ...]


def scaffold_diff(
    directory: Path, before: Sequence[Sequence[Any]], after: Sequence[Sequence[Any]]
) -> tuple[FileDiff, ...]:
    """The files that differ between two manifests, the first ``FILES``; contents from the run's blobs.

    Everything that it returns is of printable characters and bounded, and still has to be escaped.
    """
    old, new = ({path_of(entry): entry for entry in manifest} for manifest in (before, after))
    differ = changes(before, after)
    ordered = [(how, path) for how in _ORDER for path in differ[how]]
    # Directories come and go with their files.
    ordered.sort(key=lambda one: (new.get(one[1]) or old[one[1]])[1] == "dir")
    return tuple(
        FileDiff(plain(path, 200), how, tuple(_lines(directory, how, old.get(path), new.get(path))))
        for how, path in ordered[:FILES]
    )


def _lines(directory: Path, how: str, old: Sequence[Any] | None, new: Sequence[Any] | None) -> list[str]:
    if how == "mode" and old is not None and new is not None:
        return [f"mode {old[2]:o} before, {new[2]:o} after"]
    try:
        texts = _content(directory, old), _content(directory, new)
    except _NotShown as why:
        return [str(why)]
    found = list(difflib.unified_diff(*texts, lineterm="", n=2))[2:]
    shown = [printable(line.expandtabs(4), CHARACTERS) for line in found[:LINES]]
    return [*shown, f"… {len(found) - LINES} more lines"] if len(found) > LINES else shown


class _NotShown(Exception):
    """Why a file's content is not compared."""


def _content(directory: Path, entry: Sequence[Any] | None) -> list[str]:
    """The lines of an entry's content; none where there is no entry."""
    if entry is None:
        return []
    _, kind, _, size, digest = entry
    if kind != "file":
        return [f"{kind} {digest or ''}".strip()]
    if size > _BYTES:
        raise _NotShown(f"{size} bytes: too long to compare")
    try:
        data = (directory / BLOBS / digest).read_bytes() if _DIGEST.fullmatch(str(digest)) else None
    except OSError:
        data = None
    if data is None:
        raise _NotShown("its content was not kept")
    lines: list[str] = data.decode("utf-8", "replace").splitlines()
    if len(lines) > _LONGEST or b"\0" in data:
        raise _NotShown(f"{len(data)} bytes: no text, or of too many lines to compare")
    return lines
