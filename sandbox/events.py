"""The attempt's log: one chained line of canonical JSON per observed fact, written by the host.

Each event carries the hash of the one before it, so an edit, a removal, an insertion or a
reordering breaks the chain at that line. A chain alone does not show a cut tail: its head and
count go into the ledger line and the run's anchors.
"""

import json
import os
from collections.abc import Iterator
from functools import partial
from io import BufferedReader
from operator import itemgetter
from pathlib import Path
from stat import S_ISREG
from typing import Any, Final, NamedTuple, NoReturn

import orjson

from sandbox.canonical import canonical, sha256
from sandbox.vocabulary import KINDS

GENESIS: Final = "0" * 64
#: Bytes that no line has: the whole record of an attempt is granted less.
_LONGEST: Final = 2**26


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
        return with_hash(*halves(stored, self.seq, self.t, self.source, self.kind, self.prev), self.hash)


def halves(data: bytes, seq: int, t: int, source: str, kind: str, prev: str) -> tuple[bytes, bytes]:
    """The canonical JSON of an event without its hash, cut where the hash belongs.

    Only ``data`` needs an encoder: the others are numbers, words of the vocabulary and a hash.
    """
    after = f',"kind":"{kind}","prev":"{prev}","seq":{seq},"source":"{source}","t":{t}}}'
    return b'{"data":' + data, after.encode("utf-8", "replace")


def with_hash(before: bytes, after: bytes, hashed: str) -> bytes:
    """The stored line of two halves, newline included."""
    return before + b',"hash":"' + hashed.encode("utf-8", "replace") + b'"' + after + b"\n"


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
        FileNotFoundError: there is no log.
    """
    head = GENESIS
    with open_regular(path) as file:
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


def open_regular(path: Path | str) -> BufferedReader:
    """Opens a stored file for reading; what somebody may have put in its place keeps nobody waiting.

    Raises:
        FileNotFoundError: there is none.
        BrokenLine: it is no regular file, or cannot be opened.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise BrokenLine(str(path), 0, error.strerror or "cannot be opened") from error
    if S_ISREG(os.fstat(descriptor).st_mode):
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    raise BrokenLine(str(path), 0, "is no regular file")


_HASH: Final = b',"hash":"'
_HASH_FIELD: Final = len(_HASH) + 64 + 1
_fields: Final = itemgetter(*Event._fields)
_REPORTED: Final = frozenset((kind, source) for kind, about in KINDS.items() for source in about.sources)


def _parse(line: bytes) -> tuple[Event, str] | None:
    """The event of a line and the hash that it should have; None if the line is no event's canonical JSON."""
    for parse in (_quick, _thorough):
        try:
            value = parse(line)
            event = Event._make(_fields(value))
            if len(value) != len(event) or (event.kind, event.source) not in _REPORTED or not _typed(event):
                return None
        except (ValueError, TypeError, LookupError, RecursionError):
            continue
        at = line.rfind(_HASH)
        return event, sha256(line[:at] + line[at + _HASH_FIELD : -1])
    return None


def _typed(event: Event) -> bool:
    """Whether the numbers are numbers and the data are an object; what must be hashes shows when they are compared."""
    return type(event.seq) is int and type(event.t) is int and event.t >= 0 and type(event.data) is dict


def _quick(line: bytes) -> Any:
    """What ``line`` is the canonical JSON of. Raises ValueError or TypeError where only ``_thorough`` knows.

    What was parsed has one sorted form without spaces: other bytes are another way of writing it.
    """
    value = orjson.loads(line)
    # Floats under 0.0001 have another form in Python, and in canonical JSON.
    if orjson.dumps(value, None, _SORTED) != line or b"e-" in line or b"0.0000" in line:
        raise ValueError
    return value


def _thorough(line: bytes) -> Any:
    """The same, of integers of any width, all floats and any nesting that Python's parser takes."""
    value = _DECODER.decode(line.decode("utf-8"))
    if canonical(value) + b"\n" != line:
        raise ValueError
    return value


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
    if value["t"] < 0:
        raise BrokenLine(file, number, "t is negative")
    if value["kind"] not in KINDS or value["source"] not in KINDS[value["kind"]].sources:
        raise BrokenLine(file, number, f"unknown event {value['source']}/{value['kind']}")
    raise BrokenLine(file, number, "not canonical JSON")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


#: NaN and infinities are no JSON.
_DECODER: Final = json.JSONDecoder(parse_constant=_no_constant)
_SORTED: Final = orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
