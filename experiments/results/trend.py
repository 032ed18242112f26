"""Series: one metric over the checkpoints of one model family within one run hash."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final

from experiments.reading.view import EpisodeResult, RunView
from experiments.record.records import Checkpoint, LedgerLine
from experiments.results.lengths import horizons_of, minutes_of, unmeasured
from experiments.results.measured import Measured
from experiments.results.metrics import INDEX, measure, task_groups
from experiments.stats.slope import rise
from experiments.text import counted
from sandbox.errors import Mistake

PLAIN = "plain"
#: Different causes that are told of a metric that no checkpoint has.
_CAUSES: Final = 3


@dataclass(frozen=True, slots=True)
class Point:
    """A metric at one checkpoint."""

    checkpoint: Checkpoint
    measured: Measured

    def as_json(self) -> dict[str, Any]:
        """The form of contract.md section 1, and the cause where a number is missing."""
        m = self.measured
        form: dict[str, Any] = {
            "name": self.checkpoint.name,
            "step": self.checkpoint.step,
            "value": m.value,
            "low": m.low,
            "high": m.high,
            "n": m.n,
        }
        if m.cause is not None:
            form["cause"] = m.cause
        if m.components:
            form["components"] = m.components
        return form


@dataclass(frozen=True, slots=True)
class Series:
    """One metric of one model family; ``points`` lie along the step."""

    metric: str
    family: str
    version: int
    hash: str
    arm: str
    points: tuple[Point, ...]

    def as_json(self) -> dict[str, Any]:
        """The form of contract.md section 1."""
        return {
            "metric": self.metric,
            "family": self.family,
            "version": self.version,
            "hash": self.hash,
            "arm": self.arm,
            "points": [point.as_json() for point in self.points],
        }


@dataclass(frozen=True, slots=True)
class Health:
    """How complete one checkpoint's evidence is. ``retries`` counts attempts that a host fault ended."""

    checkpoint: Checkpoint
    graded: int
    ungraded: int
    lost: int
    retries: int
    refused: int


@dataclass(frozen=True, slots=True)
class Trend:
    """All series of one arm of a run; ``absent`` names why a metric has no series at all."""

    arm: str
    series: tuple[Series, ...]
    absent: dict[str, str]

    def of(self, metric: str) -> list[Series]:
        """The series of ``metric``, one per model family."""
        return [series for series in self.series if series.metric == metric]


def trend(view: RunView, arm: str = PLAIN) -> Trend:
    """Every metric over the checkpoints of each family, in one arm.

    A metric that no checkpoint of any family measured has no series; its cause is in ``absent``.
    """
    return _trend(view, arm)


# The gate, the report and the store ask for the same, and of a large run it takes seconds.
@lru_cache(maxsize=4)
def _trend(view: RunView, arm: str) -> Trend:
    results = view.results(arm)
    groups = task_groups(results)
    by_checkpoint: dict[Checkpoint, list[EpisodeResult]] = {}
    for result in results:
        by_checkpoint.setdefault(result.line.checkpoint, []).append(result)
    measured: dict[Checkpoint, dict[str, Measured]] = {
        checkpoint: measure(by_checkpoint.get(checkpoint, []), groups) for checkpoint in view.checkpoints
    }
    minutes, unknown = _minutes(view)
    for checkpoint in view.checkpoints:
        measured[checkpoint] |= unknown or horizons_of(by_checkpoint.get(checkpoint, []), minutes)
    metrics = sorted({metric for group in measured.values() for metric in group})
    absent: dict[str, str] = {}
    series: list[Series] = []
    for metric in metrics:
        values = [group.get(metric) for group in measured.values()]
        if all(value is None or value.value is None for value in values):
            absent[metric] = _why_absent(value.cause for value in values if value is not None)
            continue
        for family in view.families():
            points = tuple(
                Point(checkpoint, measured[checkpoint].get(metric) or _not_run(arm))
                for checkpoint in view.series_of(family)
            )
            series.append(Series(metric, family, view.version, view.hash, arm, points))
    rises = [_rises(index) for index in series if index.metric == INDEX]
    known = [one for one in rises if any(point.measured.value is not None for point in one.points)]
    if rises and not known:
        absent[rises[0].metric] = rises[0].points[-1].measured.cause or "not measured"
    return Trend(arm, (*series, *known), absent)


def _why_absent(causes: Iterable[str | None]) -> str:
    """What keeps all checkpoints from having a metric: one cause, or several of them."""
    prefix = "not measured: "
    found = list(dict.fromkeys((cause or "no cause given").removeprefix(prefix) for cause in causes))
    more = f"; and {counted(len(found) - _CAUSES, 'other cause')}" if len(found) > _CAUSES else ""
    return prefix + "; ".join(found[:_CAUSES]) + more


def health(view: RunView) -> list[Health]:
    """Per checkpoint, over all arms: graded, ungraded, lost, retried and refused."""
    lines: dict[str, list[LedgerLine]] = {}
    for line in view.lines:
        lines.setdefault(str(line.checkpoint), []).append(line)
    lost = set(view.lost)
    return [_health_of(one, lines.get(str(one), []), lost) for one in view.ordered_checkpoints()]


def listing(views: Iterable[RunView], family: str | None = None) -> list[tuple[RunView, list[Series]]]:
    """The series of several runs of a suite, each run apart, the newest first.

    Runs of different hashes measure different things: their points are never joined.
    """

    def age(view: RunView) -> tuple[int, float]:
        config = view.directory / "experiment.yaml"
        return view.version, config.stat().st_mtime if config.exists() else 0.0

    return [
        (view, [series for series in trend(view).series if family in (None, series.family)])
        for view in sorted(views, key=age, reverse=True)
    ]


def _health_of(checkpoint: Checkpoint, mine: Sequence[LedgerLine], lost: Collection[str]) -> Health:
    final = [line for line in mine if line.final]
    return Health(
        checkpoint=checkpoint,
        graded=sum(line.score is not None for line in final),
        ungraded=sum(line.score is None for line in final),
        lost=len({line.episode for line in mine if line.episode in lost}),
        retries=sum(not line.final for line in mine),
        refused=sum(line.refused for line in final),
    )


def _rises(index: Series) -> Series:
    """How many standard errors each checkpoint's index lies above the line of the six before it."""
    points: list[Point] = []
    steps: list[float] = []
    values: list[float] = []
    for point in index.points:
        m = point.measured
        if m.value is None:
            measured = Measured(None, None, None, m.n, m.cause)
        else:
            steps.append(point.checkpoint.step)
            values.append(m.value)
            found = rise(steps, values)
            cause = None if found.cause is None else f"not measured: {found.cause}"
            measured = Measured(found.errors, None, None, m.n, cause, m.coverage)
        points.append(Point(point.checkpoint, measured))
    return replace(index, metric=f"{INDEX}/slope_se", points=tuple(points))


def _minutes(view: RunView) -> tuple[dict[str, float], dict[str, Measured]]:
    """The lengths of the run's tasks, or the horizons with why they are not known."""
    try:
        return minutes_of(view.directory), {}
    except Mistake as mistake:
        return {}, unmeasured(mistake.problem)


def _not_run(arm: str) -> Measured:
    return Measured(None, None, None, 0, f"not measured: no episode of arm {arm}")
