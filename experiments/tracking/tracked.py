"""What of a run MLflow is shown: one record per checkpoint, and one per model family."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from experiments.reading.view import EpisodeResult, RunView
from experiments.record.anchors import Head
from experiments.record.records import Checkpoint
from experiments.reporting import exhibits
from experiments.reporting.charts import Chart, charts, horizon_charts, rate_charts
from experiments.reporting.lineage_svg import lineage_svg
from experiments.reporting.report_lineage import descent
from experiments.reporting.svg import standing_alone
from experiments.results.table import ResultTable, result_table
from experiments.results.trend import Point, Trend
from experiments.text import file_name
from experiments.tracking import notes
from experiments.tracking.picture import trend_png
from experiments.verdict.gate import Verdict
from sandbox.canonical import canonical, digest

#: MLflow cuts longer parameters and tags without a word: such content is in the artefacts.
PARAMETER_LIMIT: Final = 6_000
TAG_LIMIT: Final = 8_000
#: Names how content becomes MLflow's: raised when the drawing of pictures or the writing changes, so
#: that what an older version wrote is replaced.
FORM_VERSION: Final = 3
#: The parameter that holds a checkpoint's step.
STEP: Final = "step"

#: A metric's name, step and value.
Reading = tuple[str, int, float]


@dataclass(frozen=True, slots=True)
class TrackedRun:
    """One MLflow run. ``key`` names it among those of the same run ``hash``.

    ``model`` names the LoggedModel that the run makes, if any; ``evaluates`` are the ids of those
    that it is about.
    """

    hash: str
    key: str
    name: str
    metrics: list[Reading]
    params: dict[str, str]
    tags: dict[str, str]
    texts: dict[str, str] = field(default_factory=dict)
    pictures: dict[str, Callable[[], bytes]] = field(default_factory=dict)
    model: str | None = None
    evaluates: tuple[str, ...] = ()

    def digest(self) -> str:
        """Digest of everything that would be logged; a picture counts by what it draws."""
        content = [self.name, self.metrics, self.params, self.tags, self.texts, self.model, self.evaluates]
        return digest([*content, FORM_VERSION])


@dataclass(frozen=True, slots=True)
class Common:
    """What all MLflow runs of one run share."""

    tags: dict[str, str]
    texts: dict[str, str]
    table: ResultTable
    #: Artefacts of the families' runs alone: the lineage of scaffolds, if any were changed.
    lineage: dict[str, str]


def anchor_tags(head: Head | None) -> dict[str, str]:
    """The tags that say where a run's anchors end; none if they are broken."""
    if head is None:
        return {}
    return {"tidegauge.anchors_head": head.hash, "tidegauge.anchors_count": str(head.count)}


def common(view: RunView, verdict: Verdict | None) -> Common:
    """Tags, artefacts and the result table of every MLflow run of this run."""
    table = result_table(view)
    return Common(
        _common_tags(view, verdict), exhibits.common_texts(view, table, verdict), table, _lineage(view)
    )


def _lineage(view: RunView) -> dict[str, str]:
    found = descent(view).lineage
    if found is None or not found.edges:
        return {}
    return {"lineage.svg": lineage_svg(found), "lineage.json": canonical(found.as_json()).decode("utf-8")}


def _common_tags(view: RunView, verdict: Verdict | None) -> dict[str, str]:
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
    tags |= {"tidegauge.scaffold": view.scaffold, "tidegauge.suite_digest": view.suite_digest}
    if verdict:
        tags |= {"tidegauge.policy": verdict.policy.name, "tidegauge.policy_digest": verdict.policy.digest}
    return tags


def checkpoint_run(view: RunView, measured: Trend, checkpoint: Checkpoint, shared: Common) -> TrackedRun:
    """One checkpoint, for ``<suite>/regressions``, with its episodes and its LoggedModel."""
    points = [
        (series.metric, point)
        for series in measured.series
        for point in series.points
        if point.checkpoint == checkpoint
    ]
    results = [result for result in view.results() if result.line.checkpoint == checkpoint]
    # "family" without a prefix: the UI's "Group by: family" reads it.
    tags = shared.tags | {
        "family": checkpoint.family,
        "tidegauge.checkpoint": checkpoint.name,
        "tidegauge.coverage": _coverage(results),
        notes.NOTE_TAG: notes.checkpoint_note(shared.table, checkpoint),
    }
    episodes = {"episodes.json": exhibits.episodes_table(view, checkpoint).as_json()}
    return TrackedRun(
        hash=view.hash,
        key=str(checkpoint),
        name=str(checkpoint),
        metrics=_metrics(points),
        params=_params(view, checkpoint.family) | {"checkpoint": checkpoint.name, STEP: str(checkpoint.step)},
        tags=tags | exhibits.tables_tag(["episodes.json", "results.json"]),
        texts=shared.texts | episodes,
        # MLflow refuses a dot in a model's name.
        model=file_name(str(checkpoint)).replace(".", "-"),
    )


def family_run(
    view: RunView,
    measured: Trend,
    family: str,
    verdict: Verdict | None,
    shared: Common,
    readings: Sequence[Reading],
    evaluates: Sequence[str] = (),
) -> TrackedRun:
    """One model family's series, for ``<suite>/trends``, with its pictures and the report.

    Args:
        readings: the metrics of its checkpoints, as ``<suite>/regressions`` holds them.
        evaluates: the ids of the LoggedModels of its checkpoints.
    """
    policy = verdict.policy if verdict else None
    every = charts(measured, policy)
    scores = [one for one in every if one.series.family == family]
    others = (*horizon_charts(measured, policy), *rate_charts(measured, policy))
    besides = [one for one in others if one.series.family == family]
    details = {f"tidegauge.{key}": value for key, value in _params(view, family).items()}
    results = [result for result in view.results() if result.line.checkpoint.family == family]
    tags = {
        "family": family,
        "tidegauge.coverage": _coverage(results),
        notes.NOTE_TAG: notes.family_note(shared.table, family, verdict),
    }
    return TrackedRun(
        hash=view.hash,
        key=family,
        name=f"{family} v{view.version} {view.hash[:12]}",
        metrics=list(readings),
        # Few: the chart view writes all of them above each picture, and leaves the picture what is left.
        params={"suite": view.suite, "version": str(view.version), "family": family},
        tags=shared.tags | details | tags | exhibits.tables_tag(["results.json"]),
        texts=_family_texts(view, shared, (*scores, *besides)),
        pictures={f"trends/{file_name(chart.name)}.png": partial(trend_png, chart) for chart in scores},
        evaluates=tuple(evaluates),
    )


def _family_texts(view: RunView, shared: Common, drawn: Sequence[Chart]) -> dict[str, str]:
    texts = shared.texts | shared.lineage
    texts |= {f"trends/{file_name(chart.name)}.svg": standing_alone(chart) for chart in drawn}
    report = view.directory / "report.html"
    if report.exists():
        texts["report.html"] = report.read_text("utf-8")
    return texts


def _coverage(results: Sequence[EpisodeResult]) -> str:
    """Per code, the least share of an episode in which it could have been seen."""
    codes = sorted({code for result in results for code in result.line.coverage})
    shares = (f"{code}={min(result.coverage(code) for result in results):.2f}" for code in codes)
    return ", ".join(shares) or "none"


def _metrics(points: Sequence[tuple[str, Point]]) -> list[Reading]:
    """Value, interval and count of each point; a number that is missing is left out, never filled in."""
    found: list[Reading] = []
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
