"""Whether a run directory still says what was written into it: chains, counts, anchors, blobs."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, takewhile
from pathlib import Path
from typing import Any, Final

from experiments.attempts.containment import SELFTEST
from experiments.calibration.kept import ANCHOR, CALIBRATION
from experiments.record import anchors, ledger, rundir
from experiments.record.anchors import Anchor, Head
from experiments.record.attempt_checks import AttemptChecks
from experiments.record.identity import Secret
from experiments.record.locking import driver_of
from experiments.record.rescan import FINDINGS
from sandbox.errors import Mistake
from sandbox.events import GENESIS, BrokenLine

VERDICT: Final = "verdict.json"
#: Files with an anchor for each line, and files with one for each version; by the kind of anchor.
_APPENDED: Final = {ledger.PLAN: "plan", ledger.LEDGER: "ledger"}
_REPLACED: Final = {
    rundir.EXPERIMENT: "experiment", VERDICT: "verdict", SELFTEST: "selftest", CALIBRATION: ANCHOR, rundir.PUBLIC: "public",
    FINDINGS: "findings",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Verification:
    """The result. ``anchored`` is False where the key was not at hand: then only the unkeyed chains
    were checked, which somebody who rewrites everything can make consistent."""

    anchored: bool
    problems: tuple[BrokenLine, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    def as_json(self) -> dict[str, Any]:
        """The document of contract.md section 1, and ``anchored``."""
        problems = [{"file": p.file, "line": p.line, "reason": p.reason} for p in self.problems]
        return {"ok": self.ok, "anchored": self.anchored, "problems": problems}


def verify(directory: Path, secret: Secret | None) -> Verification:
    """Checks a run directory.

    Args:
        directory: the run; it is only read.
        secret: the secret at hand, or None. One with another fingerprint is not this run's.

    Returns:
        Every problem with file (relative to the run), line (0: the file itself) and reason.
    """
    return begin_verifying(directory, secret)()


def begin_verifying(directory: Path, secret: Secret | None) -> Callable[[], Verification]:
    """The same, while the caller does something else: what is returned waits for the result."""
    try:
        experiment = rundir.read_experiment(directory)
    except Mistake as mistake:
        unreadable = BrokenLine(rundir.EXPERIMENT, 0, ": ".join(filter(None, (mistake.key, mistake.problem))))
        return lambda: Verification(False, (unreadable,))
    usable = secret if secret is not None and secret.fingerprint == experiment.secret else None
    found = _begin(directory, experiment.id, usable)

    def ended() -> Verification:
        problems = [
            BrokenLine(rundir.relative(problem.file, directory), problem.line, problem.reason)
            for problem in found
        ]
        return Verification(usable is not None, tuple(problems))

    return ended


@dataclass(frozen=True, slots=True)
class _Files:
    """What the anchors vouch for, by name; None where there is no such file. ``live``: a driver was at work."""

    contents: dict[str, bytes | None]
    live: bool

    def lines(self, name: str) -> list[bytes]:
        """The lines of a file; the last one is empty unless it is torn."""
        return (self.contents[name] or b"").split(b"\n")


def _files(directory: Path) -> _Files:
    live = driver_of(directory) is not None
    paths = {name: directory / name for name in (*_APPENDED, *_REPLACED)}
    return _Files({name: path.read_bytes() if path.is_file() else None for name, path in paths.items()}, live)


@dataclass(frozen=True, slots=True)
class _Stored:
    """What was read, in an order that a driver at work cannot make look wrong.

    Everything is anchored before it is written, so anchors that are read last hold all that the
    files hold. With a driver at work they may hold more: then a file may lag behind them.
    """

    files: _Files
    head: Head | None
    anchors: list[Anchor]
    #: A driver was at work.
    live: bool

    def texts(self, kind: str) -> list[bytes]:
        """The anchored texts of one kind, in order."""
        return [entry.text.encode("utf-8") for entry in self.anchors if entry.kind == kind]


def _read(directory: Path, files: _Files, key: bytes | None, head: Path | None) -> _Stored:
    """Reads the anchors.

    Raises:
        BrokenLine: the head or the chain of anchors is broken.
    """
    kept = None if head is None else anchors.read_head(head)
    entries = anchors.read_anchors(directory / anchors.FILE, key, torn_end=files.live)
    return _Stored(files, kept, entries, files.live or driver_of(directory) is not None)


def _begin(directory: Path, run_id: str, secret: Secret | None) -> Iterator[BrokenLine]:
    """Reads what the anchors vouch for and begins the check of all attempts; the problems, as they are asked for."""
    key = None if secret is None else secret.anchor_key(run_id)
    head = None if secret is None else anchors.head_path(secret, run_id)
    files = _files(directory)
    lines = files.lines(ledger.LEDGER)[:-1]
    # Most of the work: begun before the anchors are read, and begun again in the case that they say otherwise.
    checks = AttemptChecks(directory, lines)
    try:
        stored = _read(directory, files, key, head)
    except BrokenLine as broken:
        return chain([broken], _renamed(directory))
    if (texts := stored.texts("ledger")) != lines:
        checks = AttemptChecks(directory, texts)
    return chain(_file_problems(directory, stored, head), checks.problems(live=stored.live))


def _file_problems(directory: Path, stored: _Stored, head: Path | None) -> Iterator[BrokenLine]:
    if head is not None:
        yield from _head_problems(stored, head, str(directory / anchors.FILE))
    for name, kind in _APPENDED.items():
        yield from _appended_problems(stored, str(directory / name), name, kind)
    for name, kind in _REPLACED.items():
        yield from _replaced_problems(stored, str(directory / name), name, kind)


def _renamed(directory: Path) -> Iterator[BrokenLine]:
    """Whether ``experiment.yaml`` was edited: the key derives from what it says, so the anchors then seem forged."""
    try:
        stored = _read(directory, _files(directory), None, None)
    except BrokenLine:
        return
    path = str(directory / rundir.EXPERIMENT)
    yield from _replaced_problems(stored, path, rundir.EXPERIMENT, _REPLACED[rundir.EXPERIMENT])


def _head_problems(stored: _Stored, path: Path, file: str) -> Iterator[BrokenLine]:
    head, entries = stored.head, stored.anchors
    if head is None:
        yield BrokenLine(str(path), 0, "the head that is kept beside the secret is missing")
    elif head.count > len(entries):
        yield BrokenLine(file, len(entries), f"{head.count} entries were anchored, {len(entries)} are there")
    elif head.hash != [GENESIS, *(entry.hash for entry in entries)][head.count]:
        yield BrokenLine(file, head.count, "is not the entry whose hash is kept beside the secret")


def _appended_problems(stored: _Stored, path: str, name: str, kind: str) -> Iterator[BrokenLine]:
    texts, (*lines, rest) = stored.texts(kind), stored.files.lines(name)
    if rest and not stored.live:
        yield BrokenLine(path, len(lines) + 1, "the last line is torn")
    # What is the same at the end as well is only moved by a line that is missing or was put in before it.
    end = 0 if stored.live else _same(reversed(lines), reversed(texts))
    there, wanted = len(lines) - end, len(texts) - end
    for number in range(max(there, wanted)):
        if number >= there:
            if not stored.live:
                yield BrokenLine(path, number + 1, "is anchored and missing")
        elif number >= wanted:
            yield BrokenLine(path, number + 1, "is not anchored")
        elif lines[number] != texts[number]:
            yield BrokenLine(path, number + 1, "is not what was anchored")


def _same(one: Iterable[bytes], other: Iterable[bytes]) -> int:
    """How many lines two files have in common at their beginning."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _replaced_problems(stored: _Stored, path: str, name: str, kind: str) -> Iterator[BrokenLine]:
    texts: list[bytes | None] = [None, *stored.texts(kind)]
    content = stored.files.contents[name]
    # A driver at work has anchored the next one and is about to write it.
    wanted = texts[-2:] if stored.live else texts[-1:]
    # An empty text anchors that the file is empty or gone.
    if (content or None) not in [text or None for text in wanted]:
        reason = "is not anchored" if texts == [None] else "is not what was anchored last"
        yield BrokenLine(path, 0, reason)
