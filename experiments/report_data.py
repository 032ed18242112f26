"""What the report says, as values: findings with their evidence, and what was not measured."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata
from typing import Final

from experiments.gate import Verdict
from experiments.metrics import Measured, finding_rate
from experiments.records import FindingRecord, LedgerLine
from experiments.text import counted, plain
from experiments.trend import Trend
from experiments.view import RunView
from sandbox.codes import CODES

#: Findings of one code that a report shows in full; the rest are counted and stand in the ledger.
SHOWN: Final = 40
#: What a reader must know before taking a provider's scores for more than they are.
CAVEATS: Final = {
    "pocket": "pocket is a narrow policy that understands one template language: a model that this project"
    " trains to show a real trend offline. Its scores say nothing of any other model.",
    "scripted": "a scripted agent replays fixed turns: its scores test the tasks and the harness, not a model.",
    "replay": "replies were taken from a stored transcript: nothing new was asked of a model.",
}
MEANING: Final = {
    "clear": "No threshold of the policy is reached, with all the evidence that it requires.",
    "crossed": "A threshold set in advance is reached. It opens a report; it determines nothing by itself.",
    "inconclusive": "The evidence allows neither a crossing nor a rule-out.",
    "invalid": "The evidence is broken: no number here can be relied on until it is repaired.",
}


@dataclass(frozen=True, slots=True)
class Sighting:
    """One finding in one attempt, with the event sequence numbers that prove it."""

    line: LedgerLine
    finding: FindingRecord

    @property
    def events_file(self) -> str:
        """Where the evidence lies, relative to the run directory."""
        return f"episodes/{self.line.episode}/{self.line.attempt}/events.jsonl"

    @property
    def seconds(self) -> float:
        """When, since the attempt began."""
        return self.finding.t / 1e6

    @property
    def evidence(self) -> str:
        """The sequence numbers, the first twelve."""
        numbers = self.finding.evidence
        return ", ".join(map(str, numbers[:12])) + (
            f" and {len(numbers) - 12} more" if len(numbers) > 12 else ""
        )


@dataclass(frozen=True, slots=True)
class CodeReport:
    """All findings of one code over all arms. ``rate`` is over episodes that could show it."""

    code: str
    meaning: str
    severity: int
    rate: Measured
    sightings: tuple[Sighting, ...]

    @property
    def shown(self) -> tuple[Sighting, ...]:
        """Those that a report lists, the most severe first."""
        ranked = sorted(self.sightings, key=lambda sighting: -sighting.finding.severity)
        return tuple(ranked[:SHOWN])


def findings_by_code(view: RunView) -> list[CodeReport]:
    """The run's findings, the most severe code first; those of retried attempts too."""
    sightings: dict[str, list[Sighting]] = {}
    for line in view.lines:
        for finding in line.findings:
            sightings.setdefault(finding.code, []).append(Sighting(line, finding))
    results = view.results()
    reports = [
        CodeReport(
            code=code,
            meaning=CODES.get(code, "a code that this version does not know"),
            severity=max(sighting.finding.severity for sighting in found),
            rate=finding_rate(results, code),
            sightings=tuple(found),
        )
        for code, found in sightings.items()
    ]
    return sorted(reports, key=lambda report: (-report.severity, report.code))


def not_measured(view: RunView, trend: Trend) -> list[tuple[str, str]]:
    """What the run does not say, as (what, why)."""
    said: list[tuple[str, str]] = []
    results = view.results()
    ungraded = Counter(plain(r.line.ungraded or "no cause given") for r in results if r.line.score is None)
    said += [(f"{counted(count, 'episode')} ungraded", cause) for cause, count in ungraded.items()]
    if view.lost:
        said.append(
            (
                f"{counted(len(view.lost), 'episode')} lost",
                "host faults used up the retries; run again to retry",
            )
        )
    if view.pending:
        said.append((f"{counted(len(view.pending), 'episode')} pending", "planned and not yet run"))
    said += _sensors(line for line in view.lines)
    said += [(metric, cause) for metric, cause in _grouped(trend.absent)]
    for series in trend.series:
        gaps = [point for point in series.points if point.measured.value is None]
        said += [(f"{series.metric} at {p.checkpoint}", p.measured.cause or "not measured") for p in gaps]
    if view.chain_ok is None:
        said.append(("integrity of the records", "not checked"))
    if view.selftest is None:
        said.append(("containment", "no self-test was taken"))
    if view.calibration is None:
        said.append(("error rates of the monitors", "no calibration was taken"))
    return [(what, why.removeprefix("not measured: ")) for what, why in said]


def caveats(view: RunView) -> list[str]:
    """What to know about the providers of this run."""
    providers = dict.fromkeys(view.provider_by_family.values())
    return [CAVEATS[provider] for provider in providers if provider in CAVEATS]


def versions(view: RunView, verdict: Verdict | None) -> list[tuple[str, str]]:
    """Versions and digests, as (what, value)."""
    try:
        own = metadata.version("tidegauge")
    except metadata.PackageNotFoundError:
        own = "not installed"
    scaffolds = {line.scaffold.start or "not taken" for line in view.lines}
    boxes = {f"{line.box.runtime}, {line.box.isolation}" for line in view.lines}
    facts = [
        ("tidegauge", own),
        ("suite", f"{view.suite} version {view.version}"),
        ("run hash", view.hash),
        ("policy", f"{verdict.policy.name} {verdict.policy.digest}" if verdict else "none applied"),
        ("episode image", ", ".join(sorted({line.box.image for line in view.lines})) or "no episode"),
        ("box", "; ".join(sorted(boxes)) or "no episode"),
        ("scaffold at the start", ", ".join(sorted(scaffolds)) or "no episode"),
    ]
    return [(what, plain(value, 600)) for what, value in facts]


def _sensors(lines: Iterable[LedgerLine]) -> list[tuple[str, str]]:
    states = Counter((name, state) for line in lines for name, state in line.sensors.items() if state != "up")
    return [
        (f"sensor {plain(name, 60)}", f"{state} in {counted(n, 'attempt')}")
        for (name, state), n in states.items()
    ]


def _grouped(absent: dict[str, str]) -> list[tuple[str, str]]:
    """Metrics without a series, those of one cause together."""
    by_cause: dict[str, list[str]] = {}
    for metric, cause in absent.items():
        by_cause.setdefault(cause, []).append(metric)
    return [(", ".join(metrics), cause) for cause, metrics in by_cause.items()]
