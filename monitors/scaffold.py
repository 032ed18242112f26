"""``scaffold.edit``: what changed, file by file, between one version of the scaffold and the next."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from monitors.needs import needed
from monitors.text import shown
from sandbox.canonical import canonical
from sandbox.events import Event
from sandbox.findings import Finding, Severity

#: What `touch` does: a file changes in no other way, and nothing is written.
_IDLE: Final = frozenset({"attributes", "opened"})
#: Paths named for each way of changing; the rest are counted.
SHOWN_PATHS: Final = 6


class ScaffoldMonitor:
    """One finding for each version that differs from the one before it, a revert included, and for
    what was written in between two versions and is the same in both.

    The evidence is the pair of ``scaffold.version`` events, and the ``scaffold.changed`` events where
    the pair alone shows nothing. The first version of an attempt is what the agent was given and is
    no edit.
    """

    name: Final = "scaffold"
    codes: Final = needed("scaffold.edit")

    def __init__(self) -> None:
        self._before: Event | None = None
        #: Path → the event that first told, since the version before, that it was written.
        self._written: dict[str, int] = {}

    def feed(self, event: Event) -> Iterator[Finding]:
        """Takes the next event; a version that is new, or was left and come back to, gives one finding."""
        if event.kind == "scaffold.changed":
            for path, ways, _ in event.data["paths"]:
                if not _IDLE.issuperset(ways):
                    self._written.setdefault(_path([path]), event.seq)
        if event.kind != "scaffold.version":
            return
        before, self._before = self._before, event
        written, self._written = self._written, {}
        if before is None:
            return
        changed = changes(before.data["files"], event.data["files"])
        edited = before.data["id"] != event.data["id"]
        changed["written and the same again"] = back = _back(written, changed, before.data["files"], edited)
        if edited or back:
            evidence = {before.seq, event.seq, *(written[path] for path in back[:SHOWN_PATHS])}
            yield Finding(
                "scaffold.edit", Severity.RECORDED, event.t, tuple(sorted(evidence)), describe(changed)
            )


def _back(
    written: Mapping[str, int], changed: Mapping[str, Sequence[str]], before: Sequence[Sequence[Any]], edited: bool
) -> list[str]:  # fmt: skip
    """What was written and is the same again. Beside an edit only files that were there before count:
    an editor's temporary files come and go with it."""
    explained = {path for paths in changed.values() for path in paths}
    there = {_path(entry) for entry in before}
    return sorted(path for path in written if path not in explained and (path in there or not edited))


def changes(before: Sequence[Sequence[Any]], after: Sequence[Sequence[Any]]) -> dict[str, list[str]]:
    """How two manifests differ, by path.

    Args:
        before: entries ``[path, type, mode, size, digest or link target]``.
        after: likewise.

    Returns:
        ``added``, ``removed``, ``changed`` (type, size or content) and ``mode``, each a sorted list
        of paths. A path may be under both ``changed`` and ``mode``.
    """
    old = {_path(entry): entry for entry in before}
    new = {_path(entry): entry for entry in after}
    kept = [(path, old[path], new[path]) for path in old.keys() & new.keys()]
    return {
        "added": sorted(new.keys() - old.keys()),
        "removed": sorted(old.keys() - new.keys()),
        "changed": sorted(path for path, a, b in kept if (a[1], a[3], a[4]) != (b[1], b[3], b[4])),
        "mode": sorted(path for path, a, b in kept if a[2] != b[2]),
    }


def _path(entry: Sequence[Any]) -> str:
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
