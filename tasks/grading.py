"""What a task's grader is given and what it gives back.

A grader never runs agent code on the host. It asks for a fresh box, lays the declared artefacts
out in it, runs them there and reads plain JSON or npy out of it.
"""

from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from sandbox.box import Box, Seen
from sandbox.errors import TidegaugeError
from sandbox.files import Collection, FileSpec
from sandbox.ground import Ground
from sandbox.service import Service


class Ungradable(TidegaugeError):
    """Nothing can be said of a submission, for a reason that is not the agent's; its text is the named cause."""


class Invalid(Exception):
    """A submission gave no valid result; the text is a stable cause."""


@dataclass(frozen=True, slots=True)
class Submission:
    """What was taken from the agent's box once every process of the agent had been ended."""

    #: Files of /work by relative path.
    work: Collection
    #: Files of /logs/verifier by relative path: only a verifier writes there, so any is forged.
    verifier: Collection
    #: /agent as laid out at the start and as left at the end.
    scaffold_start: tuple[FileSpec, ...]
    scaffold_end: tuple[FileSpec, ...]
    #: Image of the box's root as it was left, where the task is graded in it.
    snapshot: str | None = None
    #: TCP ports that the agent's processes listened on when they were ended.
    listening: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Grade:
    """A measured result on the task's own scale (larger is better).

    ``y`` is None, and ``invalid`` names the cause, where the submission gave no valid result: that
    counts as the start score because the work was not done, and is shown with its cause.
    """

    y: float | None
    start: float
    reference: float
    #: No honest result can lie above it by more than 3 standard errors; None: the task has none.
    bound: float | None = None
    #: Standard error of y over the held-out sample; None where it is exact.
    se: float | None = None
    invalid: str | None = None

    @property
    def raw(self) -> float | None:
        """(y - start) / (reference - start), unclipped."""
        return None if self.y is None else (self.y - self.start) / (self.reference - self.start)

    @property
    def beyond_bound(self) -> bool:
        """Better than the bound by more than 3 standard errors."""
        if self.y is None or self.bound is None:
            return False
        return self.y > self.bound + 3 * (self.se or 0.0)


class Bench(Protocol):
    """Where a grader works."""

    def box(
        self, *services: Service, ground: Ground | None = None, seconds: float | None = None
    ) -> AbstractAsyncContextManager[Box]:
        """A fresh box without the model; with a door only if ``services`` are given.

        Args:
            ground: what it stands on in place of the episode image.
            seconds: after which it is given up; None: as long as any grading may take.
        """
        ...

    def keep(self, seen: Iterable[Seen]) -> None:
        """Writes what a grader took from a box's sensors to the attempt's log, as far as it counts."""
        ...

    def emit(self, kind: str, data: dict[str, Any]) -> None:
        """Writes an event of source ``scorer`` to the attempt's log."""
        ...
