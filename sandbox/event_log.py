"""The one writer of an attempt's ``events.jsonl``."""

import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final, Self

from sandbox.canonical import canonical, sha256
from sandbox.errors import StorageFault
from sandbox.events import GENESIS, Event, halves, with_hash
from sandbox.vocabulary import KINDS

#: A string field longer than this is cut and carries its length and digest.
FIELD_BYTES: Final = 8_000
_SYNC_EVENTS: Final = 100
_SYNC_SECONDS: Final = 1.0


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
        before, after = halves(stored, self.count, t, source, kind, self.head)
        hashed = sha256(before + after)
        line = with_hash(before, after, hashed)
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
