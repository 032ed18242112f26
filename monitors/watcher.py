"""Folds all monitors over the events of one attempt, and says how much of it they covered."""

import logging
from collections.abc import Sequence
from typing import Final

from monitors.coverage import SensorRecord
from monitors.monitor import Monitor
from sandbox.events import Event
from sandbox.findings import Finding, Severity

_log = logging.getLogger(__name__)

FAILED: Final = "monitor.error"


class Watcher:
    """An observer (``sandbox.findings.Observer``) made of monitors.

    A monitor that raises yields one ``monitor.error`` at that event and is fed no more; the
    coverage of its codes is the share of the events that it did take. The others go on.
    """

    def __init__(self, monitors: Sequence[Monitor]) -> None:
        self._monitors = tuple(monitors)
        #: Kind of event → those that read it and have not failed, with their places.
        self._readers: dict[str, list[tuple[int, Monitor]]] = {}
        for number, monitor in enumerate(self._monitors):
            for kind in monitor.kinds:
                self._readers.setdefault(kind, []).append((number, monitor))
        #: Monitors that failed, with the number of events that had come before.
        self._failed: dict[int, int] = {}
        self._sensors = SensorRecord()
        self._events = 0
        self._findings: list[Finding] = []

    @property
    def findings(self) -> list[Finding]:
        """All findings so far: by the event that completed each, then by the order of the monitors."""
        return list(self._findings)

    def feed(self, event: Event) -> list[Finding]:
        """Takes the next event and returns the findings that it completes."""
        self._sensors.feed(event)
        self._events += 1
        readers = self._readers.get(event.kind)
        if readers is None:
            return []
        found: list[Finding] = []
        for number, monitor in readers:
            try:
                for finding in monitor.feed(event):
                    if finding.code not in monitor.codes:
                        raise ValueError(f"{monitor.name} does not declare {finding.code}")
                    found.append(finding)
            except Exception as error:
                # What it found before it raised is kept.
                found.append(self._failure(number, monitor, event, error))
        self._findings += found
        return found

    def _failure(self, number: int, monitor: Monitor, event: Event, error: Exception) -> Finding:
        """Takes a monitor that raised out of work."""
        self._failed[number] = self._events - 1
        for kind in monitor.kinds:
            self._readers[kind] = [reader for reader in self._readers[kind] if reader[0] != number]
        _log.warning("monitor %s failed on event %d", monitor.name, event.seq, exc_info=True)
        # The error's own text may hold an address or agent text: only its type is repeatable.
        note = f"monitor {monitor.name} failed on {event.kind}: {type(error).__name__}"
        return Finding(FAILED, Severity.SERIOUS, event.t, (event.seq,), note)

    def coverage(self) -> dict[str, float]:
        """Code to the share of the attempt in which it could have been found, 0 to 1.

        The product of what the monitor took and of what each sensor that the code needs delivered;
        where several monitors report a code, the smallest. ``monitor.error`` needs nothing.
        """
        shares = {FAILED: 1.0}
        for number, monitor in enumerate(self._monitors):
            taken = self._failed[number] / self._events if number in self._failed else 1.0
            for code, sensors in monitor.codes.items():
                share = taken
                for sensor in sensors:
                    share *= self._sensors.share(sensor)
                shares[code] = min(share, shares.get(code, 1.0))
        return dict(sorted(shares.items()))

    def sensors(self) -> dict[str, str]:
        """``up``, ``lost`` or ``absent`` of every sensor that reported: the gravest it reported."""
        return self._sensors.states()
