"""The anchors of a run: a chained entry, with a keyed digest, for everything that counts.

An entry holds the text of the line it vouches for and is durable before that line is written. The
key derives from the secret and is never in the run directory; the head and the count of the chain
are kept beside the secret too, so that a cut tail shows.
"""

import hashlib
import hmac
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Self

from pydantic_core import from_json

from experiments.record import durable
from experiments.record.identity import Secret
from sandbox.canonical import canonical, sha256
from sandbox.errors import Mistake, StorageFault
from sandbox.events import GENESIS, BrokenLine

FILE: Final = "anchors.jsonl"
KINDS: Final = (
    "experiment", "policy", "plan", "ledger", "repair", "approval", "verdict", "selftest", "calibration", "public", "findings",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Anchor:
    """One entry. ``text`` is the anchored line without its newline; ``at`` is in Unix seconds."""

    seq: int
    at: int
    kind: str
    text: str
    prev: str
    hash: str
    mac: str

    @classmethod
    def next(cls, head: str, count: int, kind: str, text: str, key: bytes) -> Self:
        """The entry that follows ``head``."""
        if kind not in KINDS:
            raise ValueError(f"{kind!r} is not anchored")
        entry = cls(count, int(time.time()), kind, text, head, hash="", mac="")
        hashed = sha256(entry.forms()[0])
        return replace(entry, hash=hashed, mac=_mac(key, hashed))

    def line(self) -> bytes:
        """The stored form, newline included."""
        return self.forms()[1]

    def problem(self, key: bytes | None, body: bytes) -> str | None:
        """Why the entry is not what it says it is; None if it is. Without a key the digest alone counts.

        ``body`` is the first of its ``forms``.
        """
        if self.hash != sha256(body):
            return "hash does not match the line"
        if key is not None and not hmac.compare_digest(self.mac, _mac(key, self.hash)):
            return "mac is not this run's"
        return None

    def forms(self) -> tuple[bytes, bytes]:
        """The canonical JSON of the entry without hash and mac, and the stored form with both.

        Only the text, which is most of it, needs an encoder: the others are numbers, words and digests.
        """
        at, kind = f'{{"at":{self.at},', f'"kind":"{self.kind}",'
        rest = f'"prev":"{self.prev}","seq":{self.seq},"text":'.encode("utf-8", "replace")
        rest += canonical(self.text) + b"}"
        body = f"{at}{kind}".encode("utf-8", "replace")
        stored = f'{at}"hash":"{self.hash}",{kind}"mac":"{self.mac}",'.encode("utf-8", "replace")
        return body + rest, stored + rest + b"\n"


def _mac(key: bytes, hashed: str) -> str:
    return hmac.new(key, hashed.encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class Head:
    """Where the chain ends, as kept beside the secret."""

    hash: str
    count: int


def head_path(secret: Secret, run_id: str) -> Path:
    """Where a run's head is kept: beside the secret, never in the run directory."""
    return secret.path.parent / "heads" / f"{run_id}.json"


def read_head(path: Path) -> Head | None:
    """The kept head, or None if there is none.

    Raises:
        BrokenLine: the file does not hold one.
    """
    try:
        value = json.loads(path.read_bytes())
        return Head(str(value["hash"]), int(value["count"]))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise BrokenLine(str(path), 1, "is not a head: needs hash and count") from error


def stored_head(directory: Path) -> Head | None:
    """Where the chain in a run directory ends, checked without its key; None if it is broken."""
    try:
        entries = read_anchors(directory / FILE, None)
    except BrokenLine:
        return None
    return Head(entries[-1].hash, len(entries)) if entries else None


def read_anchors(path: Path, key: bytes | None, *, torn_end: bool = False) -> list[Anchor]:
    """Reads and checks the chain.

    Args:
        path: an ``anchors.jsonl``.
        key: this run's key; None checks the chain alone.
        torn_end: leave out a last line that was cut by a dying writer.

    Raises:
        BrokenLine: at the first line that is not an entry or does not continue the chain.
    """
    entries: list[Anchor] = []
    head = GENESIS
    for number, line in enumerate(_lines(path), 1):
        if not line.endswith(b"\n"):
            if torn_end:
                break
            raise BrokenLine(str(path), number, "the last line is torn")
        entry, body = _parse(line, str(path), number)
        if entry.seq != number - 1:
            raise BrokenLine(str(path), number, f"seq is {entry.seq}, expected {number - 1}")
        if entry.prev != head:
            raise BrokenLine(str(path), number, "prev is not the hash of the line before")
        problem = entry.problem(key, body)
        if problem is not None:
            raise BrokenLine(str(path), number, problem)
        head = entry.hash
        entries.append(entry)
    return entries


def _lines(path: Path) -> list[bytes]:
    try:
        return durable.read(path).splitlines(keepends=True)
    except FileNotFoundError as error:
        raise BrokenLine(str(path), 0, "is missing") from error


_FIELDS: Final = {"seq": int, "at": int, "kind": str, "text": str, "prev": str, "hash": str, "mac": str}


def _parse(line: bytes, file: str, number: int) -> tuple[Anchor, bytes]:
    """The entry of a line, and what of it is hashed."""
    try:
        value = from_json(line)
    except ValueError as error:
        raise BrokenLine(file, number, "not JSON") from error
    if not isinstance(value, dict) or {name: type(part) for name, part in value.items()} != _FIELDS:
        raise BrokenLine(file, number, "not an anchor: needs exactly " + ", ".join(_FIELDS))
    entry = Anchor(**value)
    body, stored = entry.forms()
    if entry.kind not in KINDS or stored != line:
        raise BrokenLine(file, number, "not an anchor in canonical JSON")
    return entry, body


class Anchors:
    """The one writer of a run's anchors. ``texts(kind)`` is what the run's other files must hold."""

    def __init__(self, directory: Path, key: bytes, head: Path) -> None:
        """Opens the chain, cutting a last line that a dying driver tore.

        Raises:
            Mistake: the chain is broken, or shorter than the head that is kept beside the secret.
        """
        self._path, self._key, self._head_path = directory / FILE, key, head
        #: Where the chain ends now. Its entries are read again when they are asked for: a long run has many.
        self.head = Head(GENESIS, 0)
        self.cut_bytes = 0
        if self._path.exists():
            self._load()

    def _load(self) -> None:
        try:
            entries = read_anchors(self._path, self._key, torn_end=True)
            kept = read_head(self._head_path)
        except BrokenLine as broken:
            raise _refused(broken.file, f"line {broken.line}: {broken.reason}") from broken
        hashes = [GENESIS, *(entry.hash for entry in entries)]
        if kept is not None and not (kept.count < len(hashes) and hashes[kept.count] == kept.hash):
            raise _refused(
                str(self._path), f"{kept.count} entries were anchored, {len(entries)} are left of them"
            )
        self.head = Head(hashes[-1], len(entries))
        whole = sum(len(entry.line()) for entry in entries)
        self.cut_bytes = self._path.stat().st_size - whole
        if self.cut_bytes:
            durable.truncate(self._path, whole)

    def texts(self, kind: str) -> list[str]:
        """The anchored lines of one kind, in order, as they are stored.

        Raises:
            Mistake: the chain was broken since it was opened.
        """
        if self.head.count == 0:
            return []
        try:
            return [entry.text for entry in read_anchors(self._path, self._key) if entry.kind == kind]
        except BrokenLine as broken:
            raise _refused(broken.file, f"line {broken.line}: {broken.reason}") from broken

    def append(self, kind: str, texts: Sequence[str]) -> None:
        """Anchors lines; returns once the disk has them, and the head beside the secret too.

        Raises:
            StorageFault: the disk refused; nothing was anchored.
        """
        fresh: list[Anchor] = []
        head, count = self.head.hash, self.head.count
        for text in texts:
            fresh.append(Anchor.next(head, count + len(fresh), kind, text, self._key))
            head = fresh[-1].hash
        size = self._path.stat().st_size if self._path.exists() else 0
        durable.append(self._path, b"".join(entry.line() for entry in fresh))
        try:
            durable.replace(self._head_path, canonical({"hash": head, "count": count + len(fresh)}))
        except StorageFault:
            durable.truncate(self._path, size)
            raise
        self.head = Head(head, count + len(fresh))


def _refused(file: str, problem: str) -> Mistake:
    return Mistake(problem, where=file, remedy="nothing was written; `tidegauge verify RUN` names every edit")
