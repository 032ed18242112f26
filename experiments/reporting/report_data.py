"""What the report says, as values: findings with their evidence, and what was not measured."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from importlib import metadata
from typing import Final

from experiments.reading.view import RunView
from experiments.record.records import Checkpoint, FindingRecord, LedgerLine
from experiments.reporting.exhibits import events_file
from experiments.reporting.trail import Trail, trail
from experiments.results.measured import Measured
from experiments.results.rates import finding_rate
from experiments.results.trend import Trend
from experiments.text import counted, file_name, plain
from experiments.verdict.gate import Verdict
from sandbox.codes import CODES

#: Findings of one code that a report shows in full; the rest are counted and stand in the ledger.
SHOWN: Final = 40
#: Of those, how many have their evidence shown down to the events.
TRAILS: Final = 4
#: Characters of an episode's id that are shown in a table.
SHORT: Final = 16
#: What a reader must know before taking a provider's scores for more than they are.
CAVEATS: Final = {
    "pocket": "pocket is a narrow policy that understands one template language: a model that this project"
    " trains to show a real trend offline. Its scores say nothing of any other model.",
    "scripted": "a scripted agent replays fixed turns: its scores test the tasks and the harness, not a model.",
    "replay": "replies were taken from a stored transcript: nothing new was asked of a model.",
}
MEANING: Final = {
    "clear": "Every threshold of the policy is ruled out, with all the evidence that it requires.",
    "crossed": "A threshold set in advance is reached. It opens a report; it determines nothing by itself.",
    "inconclusive": "The evidence allows neither a crossing nor a rule-out.",
    "invalid": "The evidence is broken: no number here can be relied on until it is repaired.",
}


@dataclass(frozen=True, slots=True)
class Sighting:
    """One finding in one attempt, with the event sequence numbers that prove it.

    ``trail`` is there for the first sighting of each checkpoint, as far as a report shows them.
    """

    line: LedgerLine
    finding: FindingRecord
    trail: Trail | None = None

    @property
    def events_file(self) -> str:
        """Where the evidence lies, relative to the run directory."""
        return events_file(self.line)

    @property
    def place(self) -> str:
        """The same for a table: a start of the episode's id that tells it from the others."""
        short = self.line.episode if len(self.line.episode) <= SHORT else self.line.episode[:SHORT] + "…"
        return f"episodes/{short}/{self.line.attempt}/events.jsonl"

    @property
    def seconds(self) -> float:
        """When, since the attempt began."""
        return self.finding.t / 1e6

    @property
    def evidence(self) -> str:
        """The sequence numbers, the first twelve: ``events 7, 9``."""
        numbers = self.finding.evidence
        rest = f" and {len(numbers) - 12} more" if len(numbers) > 12 else ""
        return f"event{'' if len(numbers) == 1 else 's'} {', '.join(map(str, numbers[:12]))}{rest}"


@dataclass(frozen=True, slots=True)
class CodeReport:
    """All findings of one code over all arms. ``rate`` is over episodes that could show it."""

    code: str
    meaning: str
    severity: int
    rate: Measured
    #: How often it was found, and the sightings that a report lists, the most severe first.
    count: int
    shown: tuple[Sighting, ...]

    @property
    def anchor(self) -> str:
        """The name by which a page links to it."""
        return "finding-" + file_name(self.code).replace(".", "-")


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
            count=len(found),
            shown=_shown(view, found),
        )
        for code, found in sightings.items()
    ]
    return sorted(reports, key=lambda report: (-report.severity, report.code))


def _shown(view: RunView, found: Sequence[Sighting]) -> tuple[Sighting, ...]:
    """The most severe of ``found``; the first of each checkpoint with its trail."""
    ranked = sorted(found, key=lambda sighting: -sighting.finding.severity)[:SHOWN]
    first: dict[Checkpoint, Sighting] = {}
    for sighting in ranked:
        first.setdefault(sighting.line.checkpoint, sighting)
    told = list(first.values())[:TRAILS]
    return tuple(
        replace(s, trail=trail(view.directory, s.line, s.finding)) if s in told else s for s in ranked
    )


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
    said += _gaps(trend)
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


def _gaps(trend: Trend) -> list[tuple[str, str]]:
    """Metrics that a checkpoint lacks and others have, as (what, why): those of one cause at the same ones together."""
    lacking: dict[tuple[str, str], list[str]] = {}
    for series in trend.series:
        for point in series.points:
            if point.measured.value is None:
                key = series.metric, point.measured.cause or "not measured"
                lacking.setdefault(key, []).append(str(point.checkpoint))
    alike: dict[tuple[str, str], list[str]] = {}
    for (metric, why), places in lacking.items():
        alike.setdefault((", ".join(places), why), []).append(metric)
    return [(f"{', '.join(metrics)} at {where}", why) for (where, why), metrics in alike.items()]


def _grouped(absent: dict[str, str]) -> list[tuple[str, str]]:
    """Metrics without a series, those of one cause together."""
    by_cause: dict[str, list[str]] = {}
    for metric, cause in absent.items():
        parts = metric.split("/")
        # What attempts used is measured for each task family alike.
        by_cause.setdefault(cause, []).append(f"usage/…/{parts[-1]}" if parts[0] == "usage" else metric)
    return [(", ".join(dict.fromkeys(metrics)), cause) for cause, metrics in by_cause.items()]
