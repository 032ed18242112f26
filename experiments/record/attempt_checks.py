"""Whether what attempts left, logs, versions, artefacts and blobs, is what the ledger vouches for."""

import os
import re
from collections import deque
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from pydantic import Field, ValidationError

from experiments.record import anchors, durable, ledger, rundir
from experiments.record.kept import Kept
from experiments.record.records import ChainRecord, Record, Status
from experiments.record.spread import spread
from sandbox.canonical import sha256
from sandbox.events import GENESIS, BrokenLine, read_events

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
#: Attempts below which it is not worth a process to check them: some 0.2 s of one processor.
WORTHWHILE: Final = 500


class _Vouched(Record):
    """What of a ledger line an attempt is held against. The rest is checked by whoever reads the ledger."""

    episode: str
    attempt: int
    status: Status
    chain: ChainRecord
    beside: dict[str, str] = Field(default_factory=dict)


@dataclass(slots=True)
class _Checked:
    """What the check of some ended attempts gave."""

    problems: list[BrokenLine]
    ended: set[tuple[str, int]]
    #: Digests of the blobs that they name.
    named: set[str]
    #: Whether they name every blob that they left.
    whole: bool


class AttemptChecks:
    """The check of every attempt against its ledger line, or as an abandoned one, and of every blob.

    It begins at once, on all processors where there is much to do; ``problems`` waits for its end.
    """

    def __init__(self, directory: Path, texts: Sequence[bytes]) -> None:
        """Begins.

        Args:
            directory: the run.
            texts: its ledger lines.
        """
        self._directory = directory
        alone = len(texts) < WORTHWHILE
        self._checked = spread(partial(_check, directory), list(enumerate(texts, 1)), alone=alone)

    def problems(self, *, live: bool) -> Iterator[BrokenLine]:
        """What is wrong, attempts in the order of their ledger lines first.

        ``live``: a driver is at work, whose attempts are still being written.
        """
        ended: set[tuple[str, int]] = set()
        named: set[str] = set()
        whole = not live
        for checked in self._checked:
            yield from checked.problems
            ended |= checked.ended
            named |= checked.named
            whole = whole and checked.whole
        for path in _abandoned(f"{self._directory / rundir.EPISODES}", ended):
            whole = False
            yield from _abandoned_attempt(path)
        yield from _blobs(self._directory / durable.BLOBS, named if whole else None)


def _check(directory: Path, texts: Sequence[tuple[int, bytes]]) -> _Checked:
    """Checks attempts by the numbers and the texts of their ledger lines."""
    checked = _Checked([], set(), set(), True)
    blobs = _names(directory / durable.BLOBS)
    episodes = f"{directory / rundir.EPISODES}"
    for number, text in texts:
        try:
            line = _Vouched.model_validate_json(text)
        except ValidationError:
            reason = f"its anchor in {anchors.FILE} holds no ledger line"
            checked.problems.append(BrokenLine(str(directory / ledger.LEDGER), number, reason))
            continue
        check = _EndedAttempt(f"{episodes}/{line.episode}/{line.attempt}", line)
        checked.problems += check.problems(blobs)
        checked.ended.add((line.episode, line.attempt))
        checked.named |= check.kept.named
        # A host fault, or a full record, may have come between a blob and the event that names it.
        whole = check.read and line.status != "infrastructure" and not check.kept.lost
        checked.whole = checked.whole and whole
    return checked


class _EndedAttempt:
    """One attempt that has a ledger line."""

    def __init__(self, directory: str, line: _Vouched) -> None:
        self._directory = directory
        self._line = line
        self.kept = Kept()
        #: Whether its log is the one that the ledger vouches for.
        self.read = False

    def problems(self, blobs: frozenset[str]) -> Iterator[BrokenLine]:
        """What is wrong with its log; with what lies beside it, if the log is whole."""
        path, chain = f"{self._directory}/{rundir.EVENTS}", self._line.chain
        head, count = GENESIS, 0
        try:
            for event in read_events(Path(path)):
                head, count = event.hash, count + 1
                self.kept.see(event)
        except BrokenLine as broken:
            yield broken
            return
        except FileNotFoundError:
            yield BrokenLine(path, 0, "is missing: the ledger has a line for it")
            return
        if (head, count) != (chain.head, chain.events):
            yield BrokenLine(path, count, f"the ledger says {chain.events} events and another head")
            return
        self.read = True
        yield from self._beside()
        yield from self.kept.problems(Path(self._directory), blobs)

    def _beside(self) -> Iterator[BrokenLine]:
        """What lies beside the log and is not what the ledger has the digest of, or is not in it at all."""
        if self._line.beside:
            unnamed = {*_files_below(self._directory)} - self._line.beside.keys() - {rundir.EVENTS}
            for path in sorted(f"{self._directory}/{name}" for name in unnamed):
                yield BrokenLine(path, 0, "the ledger does not name it")
        for name, digest in self._line.beside.items():
            path = f"{self._directory}/{name}"
            try:
                content = durable.read(path)
            except FileNotFoundError:
                yield BrokenLine(path, 0, "is missing: the ledger has its digest")
                continue
            except BrokenLine as broken:
                yield broken
                continue
            if sha256(content) != digest:
                line = self.kept.first_difference(content) if name == rundir.VERSIONS else 0
                yield BrokenLine(path, line, "is not what the ledger has the digest of")


def _abandoned(directory: str, ended: Set[tuple[str, int]]) -> Iterator[Path]:
    """The logs of attempts that have no ledger line."""
    for episode in sorted(_names(directory)):
        for number in sorted(_names(f"{directory}/{episode}")):
            if not (number.isdecimal() and (episode, int(number)) in ended):
                path = Path(directory, episode, number, rundir.EVENTS)
                if path.exists():
                    yield path


def _abandoned_attempt(path: Path) -> Iterator[BrokenLine]:
    try:
        deque(read_events(path, torn_end=True), maxlen=0)
    except BrokenLine as broken:
        yield broken


def _files_below(directory: str, below: str = "") -> Iterator[str]:
    """Everything below that is no directory or cannot be looked into, by its path there."""
    try:
        entries = list(os.scandir(directory))
    except OSError:
        yield below.rstrip("/")
    else:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _files_below(entry.path, f"{below}{entry.name}/")
            else:
                yield below + entry.name


def _names(directory: Path | str) -> frozenset[str]:
    try:
        return frozenset(os.listdir(directory))
    except (FileNotFoundError, NotADirectoryError):
        return frozenset()


def _blobs(directory: Path, named: set[str] | None) -> Iterator[BrokenLine]:
    """``named``: every blob that may be there; None: others may have been left, too."""
    for name in sorted(_names(directory)):
        path = directory / name
        if name.startswith("."):
            continue
        if _DIGEST.fullmatch(name) is None or not path.is_file():
            yield BrokenLine(str(path), 0, "is not named by a digest")
        elif sha256(path.read_bytes()) != name:
            yield BrokenLine(str(path), 0, "content is not what its name says")
        elif named is not None and name not in named:
            yield BrokenLine(str(path), 0, "no attempt names it")
