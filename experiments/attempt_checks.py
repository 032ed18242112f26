"""Whether what attempts left, logs, versions, artefacts and blobs, is what the ledger vouches for."""

import re
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from experiments import anchors, durable, ledger, rundir
from experiments.kept import Kept
from experiments.records import LedgerLine
from sandbox.canonical import sha256
from sandbox.events import GENESIS, BrokenLine, read_events

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


def attempt_problems(directory: Path, texts: Sequence[str], *, live: bool) -> Iterator[BrokenLine]:
    """Checks every attempt against its ledger line, or as an abandoned one, and every blob.

    Args:
        directory: the run.
        texts: its anchored ledger lines.
        live: a driver is at work, whose attempts are still being written.
    """
    ended: dict[tuple[str, int], LedgerLine] = {}
    for number, text in enumerate(texts, 1):
        try:
            line = LedgerLine.model_validate_json(text)
        except ValidationError:
            yield BrokenLine(
                str(directory / ledger.LEDGER), number, f"its anchor in {anchors.FILE} holds no ledger line"
            )
            continue
        ended[line.episode, line.attempt] = line
    blobs = _names(directory / durable.BLOBS)
    named: set[str] = set()
    whole = not live
    for (episode, attempt), line in ended.items():
        check = _EndedAttempt(rundir.attempt_dir(directory, episode, attempt), line)
        yield from check.problems(blobs)
        named |= check.kept.named
        # A host fault, or a full record, may have come between a blob and the event that names it.
        whole = whole and line.final and not check.kept.lost
    for path in sorted((directory / rundir.EPISODES).glob(f"*/*/{rundir.EVENTS}")):
        number_name = path.parent.name
        if not number_name.isdecimal() or (path.parent.parent.name, int(number_name)) not in ended:
            whole = False
            yield from _abandoned_attempt(path)
    yield from _blobs(directory / durable.BLOBS, named if whole else None)


class _EndedAttempt:
    """One attempt that has a ledger line."""

    def __init__(self, directory: Path, line: LedgerLine) -> None:
        self._directory = directory
        self._line = line
        self.kept = Kept()

    def problems(self, blobs: frozenset[str]) -> Iterator[BrokenLine]:
        """What is wrong with its log; with what lies beside it, if the log is whole."""
        path, chain = self._directory / rundir.EVENTS, self._line.chain
        head, count = GENESIS, 0
        try:
            for event in read_events(path):
                head, count = event.hash, count + 1
                self.kept.see(event)
        except BrokenLine as broken:
            yield broken
            return
        except FileNotFoundError:
            yield BrokenLine(str(path), 0, "is missing: the ledger has a line for it")
            return
        if (head, count) != (chain.head, chain.events):
            yield BrokenLine(str(path), count, f"the ledger says {chain.events} events and another head")
            return
        yield from self._beside()
        yield from self.kept.problems(self._directory, blobs)

    def _beside(self) -> Iterator[BrokenLine]:
        """What lies beside the log and is not what the ledger has the digest of, or is not in it at all."""
        if self._line.beside:
            there = (path for path in sorted(self._directory.rglob("*")) if path.is_file())
            for path in there:
                name = path.relative_to(self._directory).as_posix()
                if name != rundir.EVENTS and name not in self._line.beside:
                    yield BrokenLine(str(path), 0, "the ledger does not name it")
        for name, digest in self._line.beside.items():
            path = self._directory / name
            try:
                content = path.read_bytes()
            except FileNotFoundError:
                yield BrokenLine(str(path), 0, "is missing: the ledger has its digest")
                continue
            if sha256(content) != digest:
                line = self.kept.first_difference(content) if name == rundir.VERSIONS else 0
                yield BrokenLine(str(path), line, "is not what the ledger has the digest of")


def _abandoned_attempt(path: Path) -> Iterator[BrokenLine]:
    try:
        deque(read_events(path, torn_end=True), maxlen=0)
    except BrokenLine as broken:
        yield broken


def _names(directory: Path) -> frozenset[str]:
    return frozenset(path.name for path in directory.iterdir()) if directory.is_dir() else frozenset()


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
