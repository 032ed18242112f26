"""What share of an attempt the sensors saw."""

from collections import Counter
from typing import Final

from sandbox.events import Event
from sandbox.vocabulary import KINDS

#: Graver states first; the gravest that a sensor ever reported is its state for the attempt.
_STATES: Final = ("absent", "lost", "up")
#: The scorer has no canary: it has looked once it says what it measured, and if it was given all
#: that the box held.
_SCORER: Final = "scorer"
_SCORED: Final = "grade.score"
#: Why a grade is invalid, where nobody could look into the grading box any more.
_BROKEN: Final = "grading_box_broken"
_COLLECTED: Final = "collected"
#: Where it looks for forged results; "/" stands for a collection that failed as a whole.
_EVIDENCE: Final = ("/", "/logs")
#: A sensor's account of what it missed is nothing that it delivered.
_MISSED: Final = "scaffold.unread"
#: Kind of event → the sensor that delivered it.
_DELIVERED: Final = {
    kind: about.sensor for kind, about in KINDS.items() if about.sensor is not None and kind != _MISSED
}

#: Runs only where a config asks for it: what did not report was not expected to.
_OPTIONAL: Final = frozenset({"kernel"})


class SensorRecord:
    """Folds ``sensor`` events, and counts what each sensor delivered."""

    def __init__(self) -> None:
        self._reported: dict[str, set[str]] = {}
        self._delivered: Counter[str] = Counter()
        self._lost: Counter[str] = Counter()
        self._scored = False
        self._uncollected = False

    def feed(self, event: Event) -> None:
        """Takes the next event.

        A ``sensor`` event that breaks its form counts as ``absent``, so that a record that cannot
        be read never raises a coverage.
        """
        if event.kind == "sensor":
            self._take_state(event)
        elif event.kind == _SCORED:
            self._scored = event.data.get("invalid") != _BROKEN
        elif event.kind == _COLLECTED:
            self._delivered["runner"] += 1
            self._uncollected |= _destroys_evidence(event)
        elif event.kind in _DELIVERED:
            self._delivered[_DELIVERED[event.kind]] += 1

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
        counted since its report before; 0 if it was absent at any time or never reported, but for
        one that is optional, which counts from its first report on.
        """
        if sensor == _SCORER:
            return float(self._scored and not self._uncollected)
        reported = self._reported.get(sensor, {"up" if sensor in _OPTIONAL else "absent"})
        if "absent" in reported:
            return 0.0
        delivered, lost = self._delivered[sensor], self._lost[sensor]
        return delivered / (delivered + lost) if lost else 1.0


def _destroys_evidence(event: Event) -> bool:
    """Whether a collection left a place for forged results unseen: what it left then names a
    directory by its absolute path. One that breaks its form counts as unseen."""
    root, left = event.data.get("root"), event.data.get("left")
    if not isinstance(left, list):
        return True
    named = [entry[0] if isinstance(entry, list) and entry else "/" for entry in left]
    return root in _EVIDENCE and any(str(path).startswith("/") for path in named)
