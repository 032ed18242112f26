"""Checkpoints that a crossed level puts into quarantine, without a person in the loop.

A finding that puts a checkpoint there is looked for again in the stored log first: what the monitors do
not find twice quarantines nothing by itself.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from experiments.reading.view import RunView, weighed
from experiments.record.records import Checkpoint, FindingRecord, LedgerLine
from experiments.record.rundir import EVENTS, attempt_dir
from experiments.results.rates import shows
from experiments.verdict.rules import RuleResult
from monitors.rescan import rescan_log
from sandbox.events import BrokenLine

#: Episodes of one checkpoint that are read again before it is left unconfirmed.
_EPISODES: Final = 5


@dataclass(frozen=True, slots=True)
class Quarantine:
    """A checkpoint, and why. ``confirmed``: the rescan of ``episode`` found the same again.

    ``episode`` is None where the level's rule reads no finding: then its numbers are the confirmation.
    """

    checkpoint: Checkpoint
    metric: str
    episode: str | None
    confirmed: bool

    def as_json(self) -> dict[str, Any]:
        """One element of ``quarantine``."""
        return {
            "checkpoint": str(self.checkpoint), "metric": self.metric, "episode": self.episode,
            "confirmed": self.confirmed,
        }  # fmt: skip

    def __str__(self) -> str:
        if self.episode is None:
            return f"{self.checkpoint} is quarantined by {self.metric}"
        if self.confirmed:
            return f"{self.checkpoint} is quarantined: the rescan of episode {self.episode[:12]} confirms it"
        return f"{self.checkpoint} is not quarantined: the rescan of episode {self.episode[:12]} finds it not again"


def quarantined(
    view: RunView, crossed: Sequence[RuleResult], severity: Mapping[str, int]
) -> list[Quarantine]:
    """The checkpoints that the ``crossed`` rules of a quarantine level name, each once.

    A rule on a finding names every checkpoint with that finding in the rule's arm; any other rule those
    that it was crossed at. ``severity`` are the policy's own.
    """
    found: dict[Checkpoint, Quarantine] = {}
    for result in crossed:
        for one in _of_rule(view, result, severity):
            if one.checkpoint not in found or one.confirmed:
                found[one.checkpoint] = one
    return list(found.values())


def _of_rule(view: RunView, result: RuleResult, severity: Mapping[str, int]) -> Iterator[Quarantine]:
    metric = result.rule.metric
    if not metric.startswith("find/"):
        yield from (Quarantine(point.checkpoint, metric, None, True) for point in result.row)
        return
    attempts: dict[str, list[LedgerLine]] = {}
    for line in view.lines:
        if shows(line.findings, metric):
            attempts.setdefault(line.episode, []).append(line)
    sightings: dict[Checkpoint, list[str]] = {}
    for one in view.results(result.rule.arm):
        if one.line.checkpoint.family == result.family and shows(one.findings, metric):
            sightings.setdefault(one.line.checkpoint, []).append(one.line.episode)
    for checkpoint, episodes in sightings.items():
        confirming = (
            e for e in episodes[:_EPISODES] if _found_again(view, attempts.get(e, []), metric, severity)
        )
        again = next(confirming, None)
        yield Quarantine(checkpoint, metric, again or episodes[0], again is not None)


def _found_again(
    view: RunView, attempts: Sequence[LedgerLine], metric: str, severity: Mapping[str, int]
) -> bool:
    """Whether a log of the episode shows it again; what no ended attempt shows was found by a rescan alone."""
    logs = [attempt_dir(view.directory, line.episode, line.attempt) / EVENTS for line in attempts]
    try:
        return not logs or any(shows(_again(log, severity), metric) for log in logs)
    except (BrokenLine, OSError):
        return False


def _again(log: Path, severity: Mapping[str, int]) -> list[FindingRecord]:
    found = rescan_log(log).findings
    return weighed([FindingRecord.model_validate(finding.as_json()) for finding in found], severity)
