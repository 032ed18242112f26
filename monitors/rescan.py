"""The monitors over stored logs: what ran live also runs on the stored value, and must agree."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from monitors.contents import Blobs, Contents
from monitors.registry import new_watcher
from monitors.watcher import FAILED
from sandbox.canonical import canonical
from sandbox.events import BrokenLine, Event, read_events
from sandbox.findings import Finding

#: An event log is named so, or ends so after a dot.
LOG_NAME: Final = "events.jsonl"
#: Contents by their digest lie there.
BLOBS: Final = "blobs"


class Rescan(NamedTuple):
    """What the shipped monitors say of one stored log."""

    findings: list[Finding]
    #: Code to share, 0 to 1.
    coverage: dict[str, float]


@dataclass(frozen=True, slots=True)
class DirectoryRescan:
    """What they say of logs under a directory."""

    #: Path of each whole log, relative to the directory, to its rescan.
    logs: dict[str, Rescan]
    #: One for each log that was rejected: relative path, line (0: the file itself), reason.
    problems: list[BrokenLine]


def rescan_events(
    events: Iterable[Event],
    contents: Contents | None = None,
    see: Callable[[Event], None] = lambda event: None,
) -> Rescan:
    """Folds the shipped monitors over the events of one attempt; ``see`` is shown each event too."""
    watcher = new_watcher(contents)
    for event in events:
        watcher.feed(event)
        see(event)
    return Rescan(watcher.findings, watcher.coverage())


def rescan_log(
    path: Path,
    *,
    torn_end: bool = False,
    contents: Contents | None = None,
    see: Callable[[Event], None] = lambda event: None,
) -> Rescan:
    """Rescans one stored log.

    Args:
        path: an event log.
        torn_end: accept a torn last line, as a dying writer leaves it (an abandoned attempt).
        contents: where what the log names by its digest is kept.
        see: is shown each event.

    Raises:
        BrokenLine: at the first line that is not an event or does not continue the chain.
        OSError: the file cannot be read.
    """
    return rescan_events(read_events(path, torn_end=torn_end), contents, see)


def event_logs(root: Path) -> list[Path]:
    """Every ``events.jsonl`` and ``*.events.jsonl`` under ``root``, whoever wrote it, by path."""
    named = root.rglob(f"*{LOG_NAME}")
    return sorted(path for path in named if path.name == LOG_NAME or path.name.endswith(f".{LOG_NAME}"))


def rescan_logs(root: Path, paths: Sequence[Path]) -> DirectoryRescan:
    """Rescans the ``event_logs`` of a directory, or some of them.

    What a log names by its digest is looked for in ``blobs`` right under ``root``. A malformed log is a problem
    with file, line and reason, and gives no findings; so is one whose data a monitor cannot read, and that there
    is none.
    """
    logs: dict[str, Rescan] = {}
    problems: list[BrokenLine] = []
    blobs = root / BLOBS
    contents = Blobs(blobs) if blobs.is_dir() else None
    for path in paths:
        name = path.relative_to(root).as_posix()
        try:
            found = rescan_log(path, contents=contents)
        except BrokenLine as broken:
            problems.append(BrokenLine(name, broken.line, broken.reason))
        except OSError as error:
            problems.append(BrokenLine(name, 0, error.strerror or type(error).__name__))
        else:
            failed = [BrokenLine(name, f.evidence[0] + 1, f.note) for f in found.findings if f.code == FAILED]
            problems += failed[:1]
            if not failed:
                logs[name] = found
    if not paths:
        problems.append(BrokenLine(".", 0, f"no event log: one is named {LOG_NAME} or NAME.{LOG_NAME}"))
    return DirectoryRescan(logs, problems)


def compare(live: Iterable[Mapping[str, Any]], again: Iterable[Mapping[str, Any]]) -> list[str]:
    """How the findings of a rescan differ from those that were stored when the attempt ran.

    Args:
        live: stored findings, in the form of a ledger line (``Finding.as_json``).
        again: findings of the rescan, in the same form.

    Returns:
        One reason for each finding that only one side has, the stored side first; empty if equal.
    """
    stored, found = Counter(map(_text, live)), Counter(map(_text, again))
    gone = [f"stored, but not found again: {text}" for text in sorted((stored - found).elements())]
    new = [f"found now, but not stored: {text}" for text in sorted((found - stored).elements())]
    return gone + new


def _text(finding: Mapping[str, Any]) -> str:
    return canonical(dict(finding)).decode("utf-8")
