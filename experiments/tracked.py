"""What of a run MLflow is shown: one record per checkpoint, and one per model family."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from experiments.charts import charts
from experiments.gate import Verdict
from experiments.picture import trend_png
from experiments.records import Checkpoint
from experiments.table import render, result_table
from experiments.trend import Point, Trend
from experiments.view import RunView
from sandbox.canonical import digest

#: MLflow cuts longer parameters and tags without a word: such content is in the artefacts.
PARAMETER_LIMIT: Final = 6_000
TAG_LIMIT: Final = 8_000
#: A picture is part of the content that is compared; its drawing code is named by this number.
PICTURE_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class TrackedRun:
    """One MLflow run. ``key`` names it among those of the same run ``hash``; ``metrics`` are (name, step, value)."""

    hash: str
    key: str
    name: str
    metrics: list[tuple[str, int, float]]
    params: dict[str, str]
    tags: dict[str, str]
    texts: dict[str, str] = field(default_factory=dict)
    pictures: dict[str, Callable[[], bytes]] = field(default_factory=dict)

    def digest(self) -> str:
        """Digest of everything that would be logged; a picture counts by what it draws."""
        return digest([self.name, self.metrics, self.params, self.tags, self.texts, PICTURE_VERSION])


def common_tags(view: RunView, verdict: Verdict | None) -> dict[str, str]:
    """Tags of every MLflow run of this run."""
    heads = sorted([line.episode, line.attempt, line.chain.head] for line in view.lines)
    tags = {
        "tidegauge.suite": view.suite,
        "tidegauge.version": str(view.version),
        "tidegauge.hash": view.hash,
        "tidegauge.run": view.name,
        "tidegauge.chain_heads": digest(heads),
        "tidegauge.chain_lines": str(len(heads)),
        "tidegauge.verdict": verdict.outcome if verdict else "none",
    }
    if verdict:
        tags |= {"tidegauge.policy": verdict.policy.name, "tidegauge.policy_digest": verdict.policy.digest}
    return tags


def checkpoint_run(
    view: RunView, measured: Trend, checkpoint: Checkpoint, common: dict[str, str]
) -> TrackedRun:
    """One checkpoint, for ``<suite>/regressions``."""
    points = [
        (series.metric, point)
        for series in measured.series
        for point in series.points
        if point.checkpoint == checkpoint
    ]
    results = [result for result in view.results() if result.line.checkpoint == checkpoint]
    codes = sorted({code for result in results for code in result.line.coverage})
    coverage = {code: min(result.coverage(code) for result in results) for code in codes}
    # "family" without a prefix: the UI's "Group by: family" reads it.
    tags = common | {
        "family": checkpoint.family,
        "tidegauge.checkpoint": checkpoint.name,
        "tidegauge.coverage": ", ".join(f"{code}={share:.2f}" for code, share in coverage.items()) or "none",
    }
    return TrackedRun(
        hash=view.hash,
        key=str(checkpoint),
        name=str(checkpoint),
        metrics=_metrics(points),
        params=_params(view, checkpoint.family)
        | {"checkpoint": checkpoint.name, "step": str(checkpoint.step)},
        tags=tags,
        texts=_texts(view),
    )


def family_run(
    view: RunView, measured: Trend, family: str, verdict: Verdict | None, common: dict[str, str]
) -> TrackedRun:
    """One model family's series, for ``<suite>/trends``, with its pictures and the report."""
    mine = [series for series in measured.series if series.family == family]
    drawn = [chart for chart in charts(measured, verdict.policy if verdict else None)
             if chart.strict.family == family]  # fmt: skip
    texts = _texts(view)
    report = view.directory / "report.html"
    if report.exists():
        texts["report.html"] = report.read_text("utf-8")
    return TrackedRun(
        hash=view.hash,
        key=family,
        name=f"{family} v{view.version} {view.hash[:12]}",
        metrics=_metrics([(series.metric, point) for series in mine for point in series.points]),
        params=_params(view, family),
        tags=common | {"family": family},
        texts=texts,
        pictures={f"trends/{file_name(chart.name)}.png": partial(trend_png, chart) for chart in drawn},
    )


def _metrics(points: Sequence[tuple[str, Point]]) -> list[tuple[str, int, float]]:
    """Value, interval and count of each point; a number that is missing is left out, never filled in."""
    found: list[tuple[str, int, float]] = []
    for metric, point in points:
        m = point.measured
        named = {metric: m.value, f"{metric}_low": m.low, f"{metric}_high": m.high, f"{metric}_n": float(m.n)}
        found += [(name, point.checkpoint.step, x) for name, x in named.items() if x is not None]
    return found


def _params(view: RunView, family: str) -> dict[str, str]:
    results = view.results()
    params = {
        "suite": view.suite,
        "version": str(view.version),
        "hash": view.hash,
        "family": family,
        "provider": view.provider_by_family.get(family, "unknown"),
        "tasks": ", ".join(sorted({f"{r.line.task}@{r.line.level}" for r in results})),
        "arms": ", ".join(sorted({r.line.arm for r in results})),
    }
    return {key: value for key, value in params.items() if 0 < len(value) <= PARAMETER_LIMIT}


def _texts(view: RunView) -> dict[str, str]:
    texts = {"results.txt": render(result_table(view))}
    config = view.directory / "experiment.yaml"
    if config.exists():
        texts["experiment.yaml"] = config.read_text("utf-8")
    return texts


def file_name(text: str) -> str:
    """``text`` with only characters that are safe in a file name."""
    return "".join(c if c.isalnum() or c in "-_." else "-" for c in text)
