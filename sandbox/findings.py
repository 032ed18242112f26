"""A finding: a monitor's claim, and the sequence numbers of the events that prove it."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Protocol

from sandbox.codes import CODES
from sandbox.events import Event


class Severity(IntEnum):
    """How much a finding weighs."""

    RECORDED = 0
    NOTABLE = 1
    SERIOUS = 2
    #: Only for deterministic evidence: it ends the episode.
    STOP = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """One claim.

    ``t`` is the time of the event that completed the evidence, in microseconds since the attempt
    began. ``evidence`` holds the sequence numbers of the proving events, in ascending order.
    """

    code: str
    severity: Severity
    t: int
    evidence: tuple[int, ...]
    note: str
    #: Which act of the code it is, where the code has several; severity goes by both.
    kind: str = ""

    def __post_init__(self) -> None:
        if self.code not in CODES:
            raise ValueError(f"finding code {self.code!r} is not in sandbox/codes.py")

    def as_json(self) -> dict[str, Any]:
        """The form of a ledger line."""
        return {
            "code": self.code,
            "severity": int(self.severity),
            "t": self.t,
            "evidence": list(self.evidence),
            "note": self.note,
            "kind": self.kind,
        }


class Observer(Protocol):
    """What watches an attempt while it runs: events in, findings out."""

    def feed(self, event: Event) -> Iterable[Finding]:
        """Takes the next event of the attempt and returns the findings that it completes."""
        ...
