"""Whether a run directory still says what was written into it: chains, counts, anchors, blobs."""

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from experiments import anchors, durable, ledger, rundir
from experiments.anchors import Anchor
from experiments.identity import Secret
from experiments.kept import Kept
from experiments.records import LedgerLine
from sandbox.canonical import sha256
from sandbox.errors import Mistake
from sandbox.events import GENESIS, BrokenLine, read_events

VERDICT: Final = "verdict.json"
_DIGEST = re.compile(r"[0-9a-f]{64}")


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
    try:
        experiment = rundir.read_experiment(directory)
    except Mistake as mistake:
        return Verification(False, (BrokenLine(rundir.EXPERIMENT, 0, str(mistake)),))
    usable = secret if secret is not None and secret.fingerprint == experiment.secret else None
    problems = [
        BrokenLine(rundir.relative(problem.file, directory), problem.line, problem.reason)
        for problem in _problems(directory, experiment.id, usable)
    ]
    return Verification(usable is not None, tuple(problems))


def _problems(directory: Path, run_id: str, secret: Secret | None) -> Iterator[BrokenLine]:
    key = None if secret is None else secret.anchor_key(run_id)
    try:
        entries = anchors.read_anchors(directory / anchors.FILE, key)
    except BrokenLine as broken:
        yield broken
        return
    if secret is not None:
        yield from _head_problems(entries, anchors.head_path(secret, run_id), directory)
    yield from _anchored_files(directory, entries)
    yield from _event_logs(directory, entries)
    yield from _blobs(directory / durable.BLOBS)


def _head_problems(entries: list[Anchor], path: Path, directory: Path) -> Iterator[BrokenLine]:
    file = str(directory / anchors.FILE)
    try:
        head = anchors.read_head(path)
    except BrokenLine as broken:
        yield broken
        return
    if head is None:
        yield BrokenLine(str(path), 0, "the head that is kept beside the secret is missing")
    elif head.count > len(entries):
        yield BrokenLine(file, len(entries), f"{head.count} entries were anchored, {len(entries)} are there")
    elif head.hash != [GENESIS, *(entry.hash for entry in entries)][head.count]:
        yield BrokenLine(file, head.count, "is not the entry whose hash is kept beside the secret")


def _anchored_files(directory: Path, entries: list[Anchor]) -> Iterator[BrokenLine]:
    for name, kind in ((ledger.PLAN, "plan"), (ledger.LEDGER, "ledger")):
        texts = [entry.text for entry in entries if entry.kind == kind]
        path = directory / name
        content = path.read_bytes() if path.exists() else b""
        lines = content.split(b"\n")
        if lines[-1]:
            yield BrokenLine(str(path), len(lines), "the last line is torn")
        for number in range(max(len(lines) - 1, len(texts))):
            if number >= len(lines) - 1:
                yield BrokenLine(str(path), number + 1, "is anchored and missing")
            elif number >= len(texts):
                yield BrokenLine(str(path), number + 1, "is not anchored")
            elif lines[number] != texts[number].encode("utf-8"):
                yield BrokenLine(str(path), number + 1, "is not what was anchored")
    for name, kind in ((rundir.EXPERIMENT, "experiment"), (VERDICT, "verdict")):
        last = [entry.text for entry in entries if entry.kind == kind][-1:]
        path = directory / name
        if last and (not path.exists() or path.read_bytes() != last[0].encode("utf-8")):
            yield BrokenLine(str(path), 0, "is not what was anchored last")
        elif not last and path.exists():
            yield BrokenLine(str(path), 0, "is not anchored")


def _event_logs(directory: Path, entries: list[Anchor]) -> Iterator[BrokenLine]:
    """Checks the log of every attempt: against its ledger line, or as that of an abandoned one."""
    ended: dict[tuple[str, int], LedgerLine] = {}
    for entry in entries:
        if entry.kind == "ledger":
            try:
                line = LedgerLine.model_validate_json(entry.text)
            except ValidationError:
                yield BrokenLine(str(directory / anchors.FILE), entry.seq + 1, "holds no ledger line")
                continue
            ended[line.episode, line.attempt] = line
    directory_of_blobs = directory / durable.BLOBS
    blobs = (
        frozenset(path.name for path in directory_of_blobs.iterdir())
        if directory_of_blobs.is_dir()
        else frozenset()
    )
    for (episode, attempt), line in ended.items():
        path = rundir.attempt_dir(directory, episode, attempt) / rundir.EVENTS
        yield from _ended_attempt(path, line, blobs)
    for path in sorted((directory / rundir.EPISODES).glob(f"*/*/{rundir.EVENTS}")):
        attempt_name = path.parent.name
        if not attempt_name.isdecimal() or (path.parent.parent.name, int(attempt_name)) not in ended:
            yield from _abandoned_attempt(path)


def _ended_attempt(path: Path, line: LedgerLine, blobs: frozenset[str]) -> Iterator[BrokenLine]:
    head, count = GENESIS, 0
    kept = Kept()
    try:
        for event in read_events(path):
            head, count = event.hash, count + 1
            kept.see(event)
    except BrokenLine as broken:
        yield broken
        return
    except FileNotFoundError:
        yield BrokenLine(str(path), 0, "is missing: the ledger has a line for it")
        return
    if (head, count) != (line.chain.head, line.chain.events):
        yield BrokenLine(str(path), count, f"the ledger says {line.chain.events} events and another head")
    else:
        yield from kept.problems(path.parent, blobs)


def _abandoned_attempt(path: Path) -> Iterator[BrokenLine]:
    try:
        deque(read_events(path, torn_end=True), maxlen=0)
    except BrokenLine as broken:
        yield broken


def _blobs(directory: Path) -> Iterator[BrokenLine]:
    if not directory.is_dir():
        return
    for path in sorted(directory.iterdir()):
        if path.name.startswith("."):
            continue
        if _DIGEST.fullmatch(path.name) is None or not path.is_file():
            yield BrokenLine(str(path), 0, "is not named by a digest")
        elif sha256(path.read_bytes()) != path.name:
            yield BrokenLine(str(path), 0, "content is not what its name says")
