"""The plan and the ledger of a run: append-only, anchored first, durable before acknowledged.

What a dying driver left half done is put right on opening: a missing last line is completed from
its anchor and a torn one is cut, and both are recorded as a ``repair`` in the anchors.
"""

import gc
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self, TypeVar

from pydantic import ValidationError

from experiments.record import durable
from experiments.record.anchors import Anchors
from experiments.record.records import LedgerLine, PlanLine, Record
from sandbox.canonical import canonical
from sandbox.errors import Mistake, StorageFault
from sandbox.events import BrokenLine

PLAN: Final = "plan.jsonl"
LEDGER: Final = "ledger.jsonl"
_THOUSANDS: Final = 1_000

AnyRecord = TypeVar("AnyRecord", bound=Record)


def text_of(record: Record) -> str:
    """The stored line of a record, without its newline."""
    return canonical(record.model_dump(mode="json")).decode("utf-8")


def read_records(path: Path, record: type[AnyRecord]) -> list[AnyRecord]:
    """The whole lines of a plan or a ledger; a last line that is still being written is left out.

    Raises:
        BrokenLine: a line is not such a record.
    """
    if not path.exists():
        return []
    records: list[AnyRecord] = []
    with _uncollected(records):
        for number, line in enumerate(durable.read(path).splitlines(keepends=True), 1):
            if line.endswith(b"\n"):
                try:
                    records.append(record.model_validate_json(line))
                except ValidationError as error:
                    raise BrokenLine(str(path), number, f"is not a {record.__name__}") from error
    return records


@contextmanager
def _uncollected(records: Sequence[Record]) -> Iterator[None]:
    """Keeps the collector of cycles from walking again and again over thousands of records, which have none."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
        if len(records) >= _THOUSANDS:
            gc.freeze()
    finally:
        if was_on:
            gc.enable()


@dataclass(frozen=True, slots=True)
class Repair:
    """What was put right in one file on opening."""

    file: str
    #: Bytes of a torn last line that were cut.
    cut: int
    #: Lines that were completed from their anchors.
    completed: int

    def text(self) -> str:
        """The form in the anchors."""
        return canonical({"file": self.file, "cut": self.cut, "completed": self.completed}).decode()


@dataclass(frozen=True, slots=True)
class Ended:
    """What a driver keeps in mind of an ended attempt; the rest stands in the ledger's file."""

    episode: str
    attempt: int
    status: str
    #: Whether it is its episode's result.
    final: bool
    ungraded: bool

    @classmethod
    def of(cls, line: LedgerLine) -> Self:
        """What its line says."""
        return cls(line.episode, line.attempt, line.status, line.final, line.ungraded is not None)


class Ledger:
    """The one writer of a run's plan and ledger."""

    def __init__(self, directory: Path, anchors: Anchors, repairs: Sequence[Repair]) -> None:
        self._directory, self._anchors = directory, anchors
        self.repairs = tuple(repairs)
        self.plan = [PlanLine.model_validate_json(text) for text in anchors.texts("plan")]
        #: The one thread that writes lines while episodes run.
        self._writer: ThreadPoolExecutor | None = None
        #: Ledger lines that are anchored and that the disk has not taken yet.
        self._owed = b""
        self.ended = [Ended.of(LedgerLine.model_validate_json(text)) for text in anchors.texts("ledger")]

    @classmethod
    def open(cls, directory: Path, anchors: Anchors) -> Self:
        """Puts right what a dying driver left, records it, and opens.

        Raises:
            Mistake: a file holds what its anchors do not vouch for.
        """
        repairs = [Repair("anchors.jsonl", anchors.cut_bytes, 0)] if anchors.cut_bytes else []
        expected = {
            directory / name: anchors.texts(kind) for name, kind in ((PLAN, "plan"), (LEDGER, "ledger"))
        }
        for path, texts in expected.items():
            if (repair := _needed(path, texts)) is not None:
                repairs.append(repair)
        if repairs:
            anchors.append("repair", [repair.text() for repair in repairs])
        for path, texts in expected.items():
            _put_right(path, texts)
        return cls(directory, anchors, repairs)

    def extend_plan(self, lines: Iterable[PlanLine]) -> None:
        """Adds planned episodes; returns once they are durable."""
        fresh = list(lines)
        if fresh:
            texts = [text_of(line) for line in fresh]
            self._anchors.append("plan", texts)
            durable.append(self._directory / PLAN, _joined(texts))
            self.plan += fresh

    def begin(self, line: LedgerLine) -> Future[None]:
        """``append`` in a thread, so that the episodes of this process need not wait for the disk."""
        if self._writer is None:
            self._writer = ThreadPoolExecutor(1, "ledger")
        return self._writer.submit(self.append, line)

    def append(self, line: LedgerLine) -> None:
        """Adds an ended attempt; returns once it is durable, by its anchor at least.

        Raises:
            StorageFault: the disk refused it; nothing may be acknowledged, and it may be added again.
        """
        text = text_of(line)
        self._anchors.append("ledger", [text])
        self.ended.append(Ended.of(line))
        self._owed += _joined([text])
        # What is anchored counts: the file follows with the next line, or at the end, or on the next opening.
        with suppress(StorageFault):
            self._write()

    def settle(self) -> None:
        """Waits for what was begun, and writes what the file lacks of what is anchored.

        Raises:
            StorageFault: the disk refused it.
        """
        if self._writer is not None:
            self._writer.shutdown()
            self._writer = None
        self._write()

    def _write(self) -> None:
        if self._owed:
            durable.append(self._directory / LEDGER, self._owed)
            self._owed = b""


def _joined(texts: Iterable[str]) -> bytes:
    return "".join(f"{text}\n" for text in texts).encode("utf-8")


def _needed(path: Path, texts: Sequence[str]) -> Repair | None:
    expected = _joined(texts)
    content = path.read_bytes() if path.exists() else b""
    if content == expected:
        return None
    whole = content[: content.rfind(b"\n") + 1]
    if not expected.startswith(whole):
        line = _first_difference(whole, expected)
        remedy = "nothing was written; `tidegauge verify RUN` names every edit"
        raise Mistake(f"line {line} is not what was anchored", where=str(path), remedy=remedy)
    return Repair(path.name, len(content) - len(whole), len(texts) - whole.count(b"\n"))


def _put_right(path: Path, texts: Sequence[str]) -> None:
    expected = _joined(texts)
    content = path.read_bytes() if path.exists() else b""
    whole = content.rfind(b"\n") + 1
    if whole != len(content):
        durable.truncate(path, whole)
    if whole != len(expected):
        durable.append(path, expected[whole:])


def _first_difference(content: bytes, expected: bytes) -> int:
    theirs, ours = content.split(b"\n"), expected.split(b"\n")
    same = (number for number, (a, b) in enumerate(zip(theirs, ours, strict=False), 1) if a != b)
    return next(same, min(len(theirs), len(ours)))


def lost_and_pending(
    plan: Iterable[PlanLine], lines: Iterable[LedgerLine], retries: int
) -> tuple[list[str], list[str]]:
    """Episodes without a result, in plan order: those given up, and those still to be run.

    An episode is lost when 1 + ``retries`` attempts ended in a host fault and none gave a result.
    That is derived and never written, so the next run gives it new attempts.
    """
    faults: dict[str, int] = {}
    done: set[str] = set()
    for line in lines:
        if line.final:
            done.add(line.episode)
        else:
            faults[line.episode] = faults.get(line.episode, 0) + 1
    missing = [line.episode for line in plan if line.episode not in done]
    lost = [episode for episode in missing if faults.get(episode, 0) > retries]
    return lost, [episode for episode in missing if faults.get(episode, 0) <= retries]
