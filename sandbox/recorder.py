"""The one place through which an attempt's facts reach its log, its observers and its ending."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

from sandbox.event_log import EventLog
from sandbox.events import Event
from sandbox.findings import Observer, Severity
from sandbox.limits import Limits

#: contract.md section 4: the first that applies.
STATUSES: Final = ("stopped", "infrastructure", "limit", "agent_error", "completed")
_OURS: Final = frozenset({"harness", "scorer", "engine"})


class Ending:
    """How the episode ends: of all that was proposed, the status that stands first."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self._proposed: dict[str, str | None] = {}

    def propose(self, status: str, cause: str | None = None) -> None:
        """Ends the episode, unless something that stands before ``status`` says otherwise."""
        self._proposed.setdefault(status, cause)
        self.reached.set()

    @property
    def status(self) -> str:
        """The status that holds; ``completed`` if nothing was proposed."""
        return next((status for status in STATUSES if status in self._proposed), "completed")

    @property
    def cause(self) -> str | None:
        """Its named cause."""
        return self._proposed.get(self.status)


class Recorder:
    """Writes events, lets the observer see each, and bounds the record."""

    def __init__(self, log: EventLog, observer: Observer, limits: Limits, ending: Ending) -> None:
        self._log = log
        self._observer = observer
        self._limits = limits
        self._ending = ending
        self._listeners: list[Callable[[Event], None]] = []
        self._full = False
        #: Bytes that lie beside the log and count as part of the record.
        self._beside = 0
        self._dropped: Counter[str] = Counter()
        #: Seconds that whoever sees the events took of this thread.
        self.observing = 0.0

    def listen(self, listener: Callable[[Event], None]) -> None:
        """``listener`` sees every event after it was stored."""
        self._listeners.append(listener)

    def dismiss(self) -> None:
        """Nobody listens any more. Who listens often records too, and the two would keep each other."""
        self._listeners.clear()

    def record(self, source: str, kind: str, data: dict[str, Any]) -> None:
        """Stores one fact.

        Once the record is full, only the harness's own acts are still stored: the episode is ending.

        Raises:
            StorageFault: the disk refused it.
        """
        if self._full and source not in _OURS:
            self._dropped[source] += 1
            return
        event = self._log.append(source, kind, data)
        for listener in self._listeners:
            listener(event)
        began = time.monotonic()
        findings = list(self._observer.feed(event))
        self.observing += time.monotonic() - began
        for finding in findings:
            if finding.severity >= Severity.STOP:
                self.record("harness", "stop", {"code": finding.code, "seq": event.seq})
                self._ending.propose("stopped", finding.code)
        self._bound()

    def charge(self, size: int) -> None:
        """Counts ``size`` bytes that were kept beside the log against the record."""
        self._beside += size
        self._bound()

    def limit(self, name: str, granted: float, used: float) -> None:
        """Records that a limit which ends the episode ran out."""
        self.record("harness", "limit", {"limit": name, "granted": granted, "used": used})
        self._ending.propose("limit", name)

    def report_losses(self) -> None:
        """Records what the full record could not take: those sensors have lost it."""
        for source, lost in sorted(self._dropped.items()):
            data = {"name": source, "state": "lost", "detail": "the record was full", "lost": lost}
            self.record("harness", "sensor", data)
        self._dropped.clear()

    def _bound(self) -> None:
        if self._full:
            return
        for name, granted, used in (
            ("events", self._limits.events, self._log.count),
            ("record", self._limits.record, self._log.size + self._beside),
        ):
            if used >= granted:
                self._full = True
                self.limit(name, granted, used)
                return
