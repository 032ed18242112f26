"""All that the report says as one JSON document, for programs."""

from typing import Any

from experiments.reading.view import RunView
from experiments.reporting.report_comparison import Comparison
from experiments.reporting.report_data import CodeReport
from experiments.reporting.report_evidence import SelfTest, Visibility
from experiments.reporting.report_ledger import Obtained
from experiments.reporting.report_resources import Use
from experiments.results.measured import Measured
from experiments.results.trend import Trend
from experiments.verdict.gate import Verdict


def document(view: RunView, verdict: Verdict | None, measured: Trend, said: dict[str, Any]) -> dict[str, Any]:
    """The document; ``said`` is what the report's pages are made of."""
    return {
        "run": view.name,
        "suite": view.suite,
        "version": view.version,
        "hash": view.hash,
        "episodes": said["episodes"],
        "graded": said["graded"],
        "verdict": verdict.as_json() if verdict else None,
        "series": [series.as_json() for series in measured.series],
        "comparisons": [_comparison(one) for one in said["comparisons"]],
        "findings": [_code(report) for report in said["codes"]],
        "resources": [_obtained(one) for one in said["obtained"]],
        "use": [_use(use) for use in said["uses"]],
        "lineage": said["descent"].lineage.as_json() if said["descent"].lineage else None,
        "coverage": [_visibility(one) for one in said["visibility"]],
        "selftest": _selftest(said["self_test"]),
        "not_measured": [{"what": what, "why": why} for what, why in said["not_measured"]],
        "versions": dict(said["versions"]),
    }


def _comparison(one: Comparison) -> dict[str, Any]:
    sides = {
        key: {"run": side.view.name, **side.checkpoint.model_dump()}
        for key, side in (("a", one.a), ("b", one.b))
    }
    return {**sides, "rows": [row.as_json() for row in one.rows]}


def _code(report: CodeReport) -> dict[str, Any]:
    shown = [
        {
            "checkpoint": str(one.line.checkpoint), "task": one.line.task, "level": one.line.level,
            "arm": one.line.arm, "world": one.line.world, "file": one.events_file, **one.finding.model_dump(),
        }
        for one in report.shown
    ]  # fmt: skip
    return {
        "code": report.code, "severity": report.severity, "count": report.count,
        "rate": _measured(report.rate), "findings": shown,
    }  # fmt: skip


def _measured(one: Measured) -> dict[str, Any]:
    return {"value": one.value, "low": one.low, "high": one.high, "n": one.n, "cause": one.cause}


def _obtained(one: Obtained) -> dict[str, Any]:
    line = one.line
    return {
        "resource": one.resource, "unit": one.unit, "granted": one.granted, "most": one.most, "seen": one.seen,
        "some": one.some, "by": str(line.checkpoint), "episode": line.episode, "attempt": line.attempt,
        "items": list(one.items),
    }  # fmt: skip


def _use(use: Use) -> dict[str, Any]:
    names = ("task", "resource", "granted", "mean", "most", "share", "who", "n")
    return {name: getattr(use, name) for name in names}


def _visibility(one: Visibility) -> dict[str, Any]:
    return {
        "code": one.code, "coverage": one.mean, "least": one.least,
        "found": one.found, "positives": one.positives, "tpr_ci": one.found_interval,
        "false": one.false, "negatives": one.negatives, "fpr_ci": one.false_interval,
    }  # fmt: skip


def _selftest(one: SelfTest | None) -> dict[str, Any] | None:
    if one is None:
        return None
    return {
        "counts": one.counts, "regressed": list(one.regressed), "runtime": one.runtime, "taken": one.taken,
    }  # fmt: skip
