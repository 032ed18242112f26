"""What share of an attempt the sensors saw."""

from collections import Counter
from typing import Final

from sandbox.events import Event
from sandbox.vocabulary import KINDS

#: Graver states first; the gravest that a sensor ever reported is its state for the attempt.
_STATES: Final = ("absent", "lost", "up")
#: The scorer has no canary: it has looked once it says what it measured.
_SCORER: Final = "scorer"
_SCORED: Final = "grade.score"
#: A sensor's account of what it missed is nothing that it delivered.
_MISSED: Final = "scaffold.unread"


class SensorRecord:
    """Folds ``sensor`` events, and counts what each sensor delivered."""

    def __init__(self) -> None:
        self._reported: dict[str, set[str]] = {}
        self._delivered: Counter[str] = Counter()
        self._lost: Counter[str] = Counter()
        self._scored = False

    def feed(self, event: Event) -> None:
        """Takes the next event.

        A ``sensor`` event that breaks its form counts as ``absent``, so that a record that cannot
        be read never raises a coverage.
        """
        if event.kind == "sensor":
            self._take_state(event)
        elif event.kind == _SCORED:
            self._scored = True
        elif (sensor := KINDS[event.kind].sensor) is not None and event.kind != _MISSED:
            self._delivered[sensor] += 1

    def _take_state(self, event: Event) -> None:
        name, state, lost = (event.data.get(key) for key in ("name", "state", "lost"))
        if state not in _STATES or (state == "lost" and (type(lost) is not int or lost < 0)):
            state = "absent"
        self._reported.setdefault(str(name), set()).add(state)
        if state == "lost":
            self._lost[str(name)] += int(lost or 0)

    def states(self) -> dict[str, str]:
        """``up``, ``lost`` or ``absent`` of every sensor that reported, by name."""
        return {
            name: next(state for state in _STATES if state in reported)
            for name, reported in sorted(self._reported.items())
        }

    def share(self, sensor: str) -> float:
        """The share of its events that ``sensor`` delivered, 0 to 1.

        1 if it was up throughout; delivered / (delivered + lost) if it reported losses, which are
        counted since its report before; 0 if it was absent at any time or never reported.
        """
        if sensor == _SCORER:
            return float(self._scored)
        reported = self._reported.get(sensor, {"absent"})
        if "absent" in reported:
            return 0.0
        delivered, lost = self._delivered[sensor], self._lost[sensor]
        return delivered / (delivered + lost) if lost else 1.0
