"""What one episode made of its scaffold, what that was worth, and what the agent said of it."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import sqrt
from pathlib import Path
from typing import Any, Final

from experiments.record.ledger import LEDGER, PLAN, read_records
from experiments.record.records import LedgerLine, PlanLine, UsageRecord
from experiments.record.rundir import EVENTS, attempt_dir
from experiments.record.versions import KeptVersion, versions_of

_FENCE: Final = re.compile(r"```.*?(```|$)", re.S)
#: Only lines of these kinds are parsed: most of a log is of others.
_KINDS: Final = (
    b'"kind":"grade.score"', b'"kind":"grade.gain"', b'"kind":"grade.development"', b'"kind":"model.reply"',
)  # fmt: skip


@dataclass(frozen=True)
class Gain:
    """Child less parent, on held-out and on development material; None: not measured."""

    held: float | None = None
    dev: float | None = None
    #: Standard error of ``held`` over the held-out questions, paired.
    held_se: float | None = None


@dataclass(frozen=True)
class Authored:
    """A graded or ungraded result of a run, with the versions that it began and ended with.

    ``world`` tells worlds apart across runs: task, level and digest of the world's seed.
    """

    episode: str
    checkpoint: str
    world: tuple[str, str, str]
    line: LedgerLine
    directory: Path
    start: KeptVersion | None
    end: KeptVersion | None

    @cached_property
    def parent(self) -> str | None:
        """Content id of the version at the start."""
        return self.start.content_id if self.start else None

    @cached_property
    def child(self) -> str | None:
        """Content id of the version at the end."""
        return self.end.content_id if self.end else None

    @property
    def usage(self) -> UsageRecord:
        """What the attempt used."""
        return self.line.usage

    @cached_property
    def gain(self) -> Gain:
        """What grading measured of both versions, if the task grades the scaffold itself."""
        if not self.line.task.startswith("selfmod/") or self.line.score is None:
            return Gain()
        score, paired, development = (
            self._events.get(kind, [{}])[-1] for kind in ("grade.score", "grade.gain", "grade.development")
        )
        # On the scale of the questions where they were paired: a score may weigh more than them.
        held = paired.get("gain", _difference(score.get("y"), score.get("start")))
        gap = _difference(development.get("development"), development.get("start_development"))
        return Gain(held, gap, paired.get("se"))

    @cached_property
    def prose(self) -> str:
        """What the agent wrote beside its commands, in lower case."""
        texts = (reply.get("text") for reply in self._events.get("model.reply", []))
        return "\n".join(_FENCE.sub(" ", text) for text in texts if isinstance(text, str)).strip().lower()

    @cached_property
    def _events(self) -> dict[str, list[dict[str, Any]]]:
        """Data of the events that are of use here, by kind. ``verify`` says whether the log is whole."""
        found: dict[str, list[dict[str, Any]]] = {}
        for kind, data in _data(self.directory / EVENTS):
            found.setdefault(kind, []).append(data)
        return found


def pooled_se(episodes: Sequence[Authored]) -> float | None:
    """The standard error of the mean held-out gain of ``episodes`` over their held-out questions, the worlds as
    they are: sqrt(sum se^2) / n. None where one of them does not tell its own."""
    errors = [one.gain.held_se for one in episodes]
    if not errors or None in errors:
        return None
    return sqrt(sum(error**2 for error in errors if error is not None)) / len(errors)


def authored(run: Path) -> Iterator[Authored]:
    """Every result of a run, in ledger order.

    Raises:
        BrokenLine: a line of the plan or the ledger cannot be read.
    """
    digests = {line.episode: line.world_digest for line in read_records(run / PLAN, PlanLine)}
    #: Most episodes begin, and many end, with the same versions.
    known: dict[str, KeptVersion] = {}
    for line in read_records(run / LEDGER, LedgerLine):
        if line.final:
            directory = attempt_dir(run, line.episode, line.attempt)
            ids = {line.scaffold.start, line.scaffold.end}
            if not ids <= known.keys():
                known |= {version.id: version for version in versions_of(run, directory)}
            start, end = (known.get(name or "") for name in (line.scaffold.start, line.scaffold.end))
            world = (line.task, line.level, digests.get(line.episode, line.episode))
            yield Authored(line.episode, str(line.checkpoint), world, line, directory, start, end)


def _data(log: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        lines = log.read_bytes().splitlines()
    except OSError:
        return
    for line in lines:
        if any(kind in line for kind in _KINDS):
            event = json.loads(line)
            yield event["kind"], event["data"]


def _difference(after: object, before: object) -> float | None:
    if isinstance(after, int | float) and isinstance(before, int | float):
        return after - before
    return None
