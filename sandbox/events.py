"""The attempt's log: one chained line of canonical JSON per observed fact, written by the host.

Each event carries the hash of the one before it, so an edit, a removal, an insertion or a
reordering breaks the chain at that line. A chain alone does not show a cut tail: its head and
count go into the ledger line and the run's anchors.
"""

import json
import os
import re
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from stat import S_ISREG
from typing import Any, Final, NamedTuple, NoReturn, Self

from pydantic_core import from_json

from sandbox.canonical import canonical, sha256
from sandbox.errors import StorageFault
from sandbox.vocabulary import KINDS

GENESIS: Final = "0" * 64
#: A string field longer than this is cut and carries its length and digest.
FIELD_BYTES: Final = 8_000
#: Bytes that no line has: the whole record of an attempt is granted less.
_LONGEST: Final = 2**26
_SYNC_EVENTS: Final = 100
_SYNC_SECONDS: Final = 1.0


class Event(NamedTuple):
    """One observed fact. ``t`` is in microseconds since the attempt began."""

    seq: int
    t: int
    source: str
    kind: str
    data: dict[str, Any]
    prev: str
    hash: str

    def line(self) -> bytes:
        """The stored form, newline included."""
        stored = canonical(self.data)
        return _line(*_halves(stored, self.seq, self.t, self.source, self.kind, self.prev), self.hash)


def _halves(data: bytes, seq: int, t: int, source: str, kind: str, prev: str) -> tuple[bytes, bytes]:
    """The canonical JSON of an event without its hash, cut where the hash belongs.

    Only ``data`` needs an encoder: the others are numbers, words of the vocabulary and a hash.
    """
    after = f',"kind":"{kind}","prev":"{prev}","seq":{seq},"source":"{source}","t":{t}}}'
    return b'{"data":' + data, after.encode("utf-8", "replace")


def _line(before: bytes, after: bytes, hashed: str) -> bytes:
    return before + b',"hash":"' + hashed.encode("utf-8", "replace") + b'"' + after + b"\n"


class EventLog:
    """The one writer of an attempt's ``events.jsonl``.

    ``append`` returns the event so that observers fold exactly what was stored.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("xb")
        self._began = time.monotonic_ns()
        self._synced = time.monotonic()
        self._syncing: Future[None] | None = None
        #: Why the log takes nothing more: after a line that the disk refused no other can follow.
        self._refused: str | None = None
        self.head = GENESIS
        self.count = 0
        self.size = 0

    def append(self, source: str, kind: str, data: dict[str, Any]) -> Event:
        """Chains and writes one event.

        Raises:
            KeyError: ``(source, kind)`` is not in the vocabulary.
            StorageFault: the disk refused the line.
        """
        if source not in KINDS[kind].sources:
            raise KeyError(f"{source} does not report {kind}")
        if self._refused is not None:
            raise StorageFault(self._refused)
        t = (time.monotonic_ns() - self._began) // 1000
        stored = canonical(_cut(data))
        before, after = _halves(stored, self.count, t, source, kind, self.head)
        hashed = sha256(before + after)
        line = _line(before, after, hashed)
        # Out of the stored form, so that what observers see equals what a rescan reads.
        event = Event(self.count, t, source, kind, json.loads(stored), self.head, hashed)
        with self._storage():
            self._file.write(line)
            if self.count % _SYNC_EVENTS == 0 or time.monotonic() - self._synced > _SYNC_SECONDS:
                self._sync_behind()
        self.head, self.count, self.size = event.hash, self.count + 1, self.size + len(line)
        return event

    def flush(self) -> None:
        """Lets other readers of the file see what was appended."""
        self._file.flush()

    def close(self) -> None:
        """Makes all of it durable and closes; the log cannot be reopened for writing.

        Raises:
            StorageFault: the disk did not take all of it.
        """
        if not self._file.closed:
            with self._storage(), self._file:
                self.flush()
                if self._syncing is not None:
                    self._syncing.result()
                os.fsync(self._file.fileno())

    def _sync_behind(self) -> None:
        """Has what was appended made durable, while the caller goes on.

        Raises:
            OSError: the disk refused what was to be made durable before.
        """
        self.flush()
        if self._syncing is not None:
            if not self._syncing.done():
                return  # a slow disk; what is appended meanwhile is next
            self._syncing.result()
        self._syncing = _syncer(os.getpid()).submit(os.fsync, self._file.fileno())
        self._synced = time.monotonic()

    @contextmanager
    def _storage(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self._refused = f"{self._file.name}: {error.strerror}"
            raise StorageFault(self._refused) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@cache
def _syncer(process: int) -> ThreadPoolExecutor:
    """The thread in which all logs of a process wait for the disk."""
    return ThreadPoolExecutor(1, "events-sync")


def _cut(value: Any) -> Any:
    """``value`` with every over-long string or byte string replaced by its start, length and digest."""
    if isinstance(value, str | bytes):
        # A cheap test first: at most four bytes a character.
        if len(value) * 4 <= FIELD_BYTES:
            return value
        raw = value.encode("utf-8", "replace") if isinstance(value, str) else value
        if len(raw) <= FIELD_BYTES:
            return value
        return {"cut": raw[:FIELD_BYTES].decode("utf-8", "ignore"), "bytes": len(raw), "sha256": sha256(raw)}
    if isinstance(value, dict):
        return {key: _cut(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_cut(inner) for inner in value]
    return value


class BrokenLine(Exception):
    """A stored log line that is not what it says it is. ``line`` counts from 1; 0 is the file itself."""

    def __init__(self, file: str, line: int, reason: str) -> None:
        super().__init__(file, line, reason)
        self.file, self.line, self.reason = file, line, reason

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.reason}"


def read_events(path: Path, *, torn_end: bool = False) -> Iterator[Event]:
    """Reads and checks a stored log, line by line.

    Args:
        path: an ``events.jsonl``.
        torn_end: accept a last line that was cut by a dying writer (an abandoned attempt).

    Raises:
        BrokenLine: at the first line that is not an event or does not continue the chain.
    """
    head = GENESIS
    with open(path, "rb", opener=_unblocked) as file:
        if not S_ISREG(os.fstat(file.fileno()).st_mode):
            raise BrokenLine(str(path), 0, "is no regular file")
        for number, line in enumerate(iter(partial(file.readline, _LONGEST), b""), 1):
            if len(line) == _LONGEST:
                raise BrokenLine(str(path), number, f"is longer than {_LONGEST} bytes")
            if not line.endswith(b"\n"):
                if torn_end:
                    return
                raise BrokenLine(str(path), number, "the last line is torn")
            event, expected = _parse(line) or _refuse(line, str(path), number)
            if event.seq != number - 1:
                raise BrokenLine(str(path), number, f"seq is {event.seq}, expected {number - 1}")
            if event.prev != head:
                raise BrokenLine(str(path), number, "prev is not the hash of the line before")
            if event.hash != expected:
                raise BrokenLine(str(path), number, "hash does not match the line")
            head = expected
            yield event


def _unblocked(path: str, flags: int) -> int:
    """Opens what may be a pipe that nobody writes to."""
    return os.open(path, flags | os.O_NONBLOCK)


#: An event's line begins so, with its data, which alone need a JSON parser, and ends so. What a hash, a kind
#: and a source are made of shows when they are compared with what they must be.
_BEGINS: Final = b'{"data":'
_HASH: Final = b',"hash":"'
_ENDS: Final = re.compile(
    r',"hash":"(.{64})","kind":"([^"]+)","prev":"(.{64})",'
    r'"seq":(0|[1-9][0-9]{0,15}),"source":"([^"]+)","t":(0|[1-9][0-9]{0,15})\}\n'
)
_HASH_FIELD: Final = len(_HASH) + 64 + 1
_REPORTED: Final = frozenset((kind, source) for kind, about in KINDS.items() for source in about.sources)


def _parse(line: bytes) -> tuple[Event, str] | None:
    """The event of a line and the hash that it should have; None if the line is no event's canonical JSON."""
    at = line.rfind(_HASH)
    ending = _ENDS.fullmatch(line[at:].decode("latin-1")) if at > 0 and line.startswith(_BEGINS) else None
    if ending is None:
        return None
    hashed, kind, prev, seq, source, t = ending.groups()
    data = _data(line[len(_BEGINS) : at])
    if data is None or (kind, source) not in _REPORTED:
        return None
    event = Event(int(seq), int(t), source, kind, data, prev, hashed)
    return event, sha256(line[:at] + line[at + _HASH_FIELD : -1])


def _data(stored: bytes) -> dict[str, Any] | None:
    """The object that ``stored`` is the canonical JSON of; None if it is of none."""
    for parse in (_quick, _deep):
        try:
            value = parse(stored)
            # What was parsed has one canonical form; other bytes are another way of writing it.
            if type(value) is dict and canonical(value) == stored:
                return value
        except (ValueError, RecursionError):  # RecursionError: nested deeper than either parser goes
            continue
    return None


_FIELDS: Final = {"seq": int, "t": int, "source": str, "kind": str, "data": dict, "prev": str, "hash": str}


def _refuse(line: bytes, file: str, number: int) -> NoReturn:
    """Says why a line is not an event."""
    try:
        value = _DECODER.decode(line.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise BrokenLine(file, number, "not JSON") from error
    if not isinstance(value, dict) or set(value) != set(_FIELDS):
        raise BrokenLine(file, number, "not an event: needs exactly " + ", ".join(_FIELDS))
    for name, kind in _FIELDS.items():
        if type(value[name]) is not kind:
            raise BrokenLine(file, number, f"{name} is not {kind.__name__}")
    if value["kind"] not in KINDS or value["source"] not in KINDS[value["kind"]].sources:
        raise BrokenLine(file, number, f"unknown event {value['source']}/{value['kind']}")
    raise BrokenLine(file, number, "not canonical JSON")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


#: NaN and infinities are no JSON.
_DECODER: Final = json.JSONDecoder(parse_constant=_no_constant)
#: Three times as fast, but only down to 200 levels.
_quick: Final = partial(from_json, allow_inf_nan=False)


def _deep(stored: bytes) -> Any:
    return _DECODER.decode(stored.decode("utf-8"))
