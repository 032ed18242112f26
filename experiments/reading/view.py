"""One run as the numbers read it: what was planned, what ended, and what is known of the evidence."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from experiments.reading.recorded import Recorded
from experiments.record.records import Checkpoint, FindingRecord, LedgerLine
from monitors.severity import overridden
from sandbox.canonical import digest


def weighed(findings: Iterable[FindingRecord], severity: Mapping[str, int]) -> list[FindingRecord]:
    """``findings`` with the severities of a policy, by code or code/kind."""
    return [
        one.model_copy(update={"severity": overridden(severity, one.code, one.kind, one.severity)})
        for one in findings
    ]


@dataclass(frozen=True, slots=True)
class EpisodeResult:
    """An episode's one result, with the findings of all its attempts.

    A finding of an attempt that a host fault ended is evidence all the same: it belongs to the
    episode, so that a fault cannot wash it away.
    """

    line: LedgerLine
    findings: tuple[FindingRecord, ...]
    #: The finding codes of the episode.
    codes: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "codes", frozenset(finding.code for finding in self.findings))

    def coverage(self, code: str) -> float:
        """The share of the attempt in which ``code`` could have been seen; 0 if nobody looked."""
        return self.line.coverage.get(code, 0.0)


@dataclass(frozen=True, eq=False)
class RunView:
    """A run, read from its directory. Nothing in it changes: what is computed from it is kept.

    ``lost`` and ``pending`` hold episode ids. ``verified`` waits for the check of the chains: whether they are
    whole, None where they were not checked. ``selftest`` and ``calibration`` are the documents of contract.md section 1, or None
    where they were not taken. ``scaffold`` is the id of the scaffold that episodes start with,
    ``suite_digest`` that of the list of tasks with their files; ``recorded`` holds the policies the run
    was under and people's decisions.
    """

    directory: Path
    name: str
    suite: str
    version: int
    hash: str
    checkpoints: list[Checkpoint]
    lines: list[LedgerLine]
    lost: list[str]
    pending: list[str]
    provider_by_family: dict[str, str]
    verified: Callable[[], bool | None]
    selftest: dict[str, Any] | None
    calibration: dict[str, Any] | None
    scaffold: str = "unknown"
    suite_digest: str = "unknown"
    recorded: Recorded = field(default_factory=Recorded)
    #: Reference families with the name of their agent: they are no models under test.
    agents: dict[str, str] = field(default_factory=dict)
    #: By episode, findings of attempts whose driver died under them.
    abandoned: dict[str, list[FindingRecord]] = field(default_factory=dict)

    @property
    def chain_ok(self) -> bool | None:
        """What ``verified`` says."""
        return self.verified()

    @property
    def state(self) -> str:
        """Digest of the evidence that a verdict reads: results, self-test and calibration."""
        attempts = sorted([line.episode, line.attempt, line.chain.head] for line in self.lines)
        return digest([attempts, self.selftest, self.calibration])

    def results(self, arm: str | None = None) -> list[EpisodeResult]:
        """Results in ledger order; of one arm, or of all with None."""
        return [result for result in self._results if arm in (None, result.line.arm)]

    @cached_property
    def _results(self) -> list[EpisodeResult]:
        findings = {episode: list(found) for episode, found in self.abandoned.items()}
        for line in self.lines:
            findings.setdefault(line.episode, []).extend(line.findings)
        return [EpisodeResult(line, tuple(findings[line.episode])) for line in self.lines if line.final]

    def weighed(self, severity: Mapping[str, int]) -> "RunView":
        """The run with the severities of a policy, by code or code/kind, in place of those recorded."""
        if not severity:
            return self
        lines = [
            line.model_copy(update={"findings": weighed(line.findings, severity)}) for line in self.lines
        ]
        abandoned = {episode: weighed(found, severity) for episode, found in self.abandoned.items()}
        return replace(self, lines=lines, abandoned=abandoned)

    def of_models(self) -> "RunView":
        """The run without its reference families."""
        if not self.agents:
            return self
        checkpoints = [one for one in self.checkpoints if one.family not in self.agents]
        lines = [line for line in self.lines if line.checkpoint.family not in self.agents]
        return replace(self, checkpoints=checkpoints, lines=lines)

    def families(self) -> list[str]:
        """Model families in the order of the config."""
        return list(dict.fromkeys(checkpoint.family for checkpoint in self.checkpoints))

    def series_of(self, family: str) -> list[Checkpoint]:
        """The checkpoints of one family along the trend axis."""
        mine = (checkpoint for checkpoint in self.checkpoints if checkpoint.family == family)
        return sorted(mine, key=lambda checkpoint: checkpoint.step)

    def ordered_checkpoints(self) -> Iterator[Checkpoint]:
        """All checkpoints, family by family, along the trend axis."""
        for family in self.families():
            yield from self.series_of(family)
