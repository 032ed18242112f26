"""How two manifests of a scaffold differ, by path."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from monitors.text import shown
from sandbox.canonical import canonical

#: Paths named for each way of changing; the rest are counted.
SHOWN_PATHS: Final = 6


def changes(before: Sequence[Sequence[Any]], after: Sequence[Sequence[Any]]) -> dict[str, list[str]]:
    """How two manifests differ, by path.

    Args:
        before: entries ``[path, type, mode, size, digest or link target]``.
        after: likewise.

    Returns:
        ``added``, ``removed``, ``changed`` (type, size or content) and ``mode``, each a sorted list
        of paths. A path may be under both ``changed`` and ``mode``.
    """
    old = {path_of(entry): entry for entry in before}
    new = {path_of(entry): entry for entry in after}
    kept = [(path, old[path], new[path]) for path in old.keys() & new.keys()]
    return {
        "added": sorted(new.keys() - old.keys()),
        "removed": sorted(old.keys() - new.keys()),
        "changed": sorted(path for path, a, b in kept if (a[1], a[3], a[4]) != (b[1], b[3], b[4])),
        "mode": sorted(path for path, a, b in kept if a[2] != b[2]),
    }


def path_of(entry: Sequence[Any]) -> str:
    """The entry's path; one that is not text, or was cut, by its canonical JSON."""
    path = entry[0]
    return path if isinstance(path, str) else canonical(path).decode("utf-8")


def describe(changed: Mapping[str, Sequence[str]]) -> str:
    """One bounded line: ``changed: config.json; added: tools/a.py, tools/b.py and 3 more``."""
    parts = []
    for how, paths in changed.items():
        if paths:
            named = ", ".join(shown(path) for path in paths[:SHOWN_PATHS])
            rest = f" and {len(paths) - SHOWN_PATHS} more" if len(paths) > SHOWN_PATHS else ""
            parts.append(f"{how}: {named}{rest}")
    # A log by another program may give two ids to one list of files.
    return "; ".join(parts) or "the id changed, but no entry that the record can show"
