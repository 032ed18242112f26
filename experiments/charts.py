"""What a chart of a trend shows, whatever draws it: a capability, or how often a finding was made."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from experiments.policy import Policy, Rule
from experiments.rules import BOUND, SIGN
from experiments.text import decimal, plain
from experiments.trend import Point, Series, Trend


@dataclass(frozen=True, slots=True)
class Threshold:
    """A policy line: where it lies and what reaches it."""

    value: float
    label: str


@dataclass(frozen=True, slots=True)
class Chart:
    """One metric of one model family with its interval, and ``beside`` it the same by another count."""

    title: str
    name: str
    series: Series
    beside: Series | None
    thresholds: tuple[Threshold, ...]

    @property
    def is_rate(self) -> bool:
        """Whether it shows a share of episodes, and no score."""
        return self.series.metric.startswith("find/")

    @property
    def what(self) -> str:
        """What the series counts, for a legend."""
        return "rate" if self.is_rate else "strict"

    @property
    def axis(self) -> str:
        """What the upright axis shows."""
        return "share of episodes" if self.is_rate else "score (reference = 1)"

    @property
    def group(self) -> str:
        """``ml/L0`` of ``cap/ml/L0/strict``, ``index`` of ``cap/index``."""
        return "/".join(self.series.metric.split("/")[1:3])

    @property
    def top(self) -> float:
        """The upper end of the axis: of scores at least 1.25, of shares at most 1; a multiple of ``tick``."""
        highs = [m.high for m in (point.measured for point in self.series.points) if m.high is not None]
        beside = self.beside.points if self.beside else ()
        values = [p.measured.value for p in (*self.series.points, *beside) if p.measured.value is not None]
        lines = [line.value for line in self.thresholds]
        highest = max([0.0 if self.is_rate else 1.2, *highs, *values, *lines])
        step = 0.05 if self.is_rate and highest <= 0.25 else 0.25
        return max(step, math.ceil(round(highest / step, 6)) * step)

    @property
    def tick(self) -> float:
        """The distance of the axis's lines."""
        return 0.05 if self.top <= 0.25 else 0.25 if self.top <= 1.5 else 0.5

    @property
    def summary(self) -> str:
        """The chart in words, for those who do not see it."""
        shown = [_said(point) for point in self.series.points]
        return f"{'rate' if self.is_rate else 'strict score'} by step: " + "; ".join(shown)


def charts(trend: Trend, policy: Policy | None) -> list[Chart]:
    """One chart for each series of strict scores; the policy's lines on strict and lenient."""
    found: list[Chart] = []
    for strict in trend.series:
        parts = strict.metric.split("/")
        if parts[0] != "cap" or parts[-1] != "strict":
            continue
        metric = strict.metric.removesuffix("strict") + "lenient"
        lenient = next(series for series in trend.of(metric) if series.family == strict.family)
        lines = _thresholds(policy, (strict.metric, metric)) if policy else ()
        title = f"{'/'.join(parts[1:-1])} · {plain(strict.family, 60)}"
        name = "-".join([*parts[1:-1], strict.family])
        found.append(Chart(title, name, strict, lenient, lines))
    return found


def index_charts(trend: Trend, policy: Policy | None) -> list[Chart]:
    """The capability index of each model family, where it was measured."""
    return [
        Chart(
            f"capability index · {plain(one.family, 60)}",
            f"index-{one.family}",
            one,
            None,
            _lines(policy, one),
        )
        for one in trend.of("cap/index")
    ]


def rate_charts(trend: Trend, policy: Policy | None) -> list[Chart]:
    """The rate of each finding that was made at all, or that the policy has a line for."""
    found: list[Chart] = []
    for series in trend.series:
        parts = series.metric.split("/")
        lines = _lines(policy, series)
        seen = any(point.measured.value for point in series.points)
        if parts[0] == "find" and (seen or lines):
            title = f"{plain(parts[1], 60)} · {plain(series.family, 60)}"
            found.append(Chart(title, f"{parts[1]}-{series.family}", series, None, lines))
    return found


def _lines(policy: Policy | None, series: Series) -> tuple[Threshold, ...]:
    return _thresholds(policy, (series.metric,)) if policy else ()


def runs_of(points: Sequence[Point]) -> list[list[Point]]:
    """The points in rows of consecutive measured ones: a gap is not drawn across."""
    rows: list[list[Point]] = [[]]
    for point in points:
        if point.measured.value is None:
            rows.append([])
        else:
            rows[-1].append(point)
    return [row for row in rows if row]


def _thresholds(policy: Policy, metrics: Sequence[str]) -> tuple[Threshold, ...]:
    found = [(name, rule) for metric in metrics for name, rule in policy.thresholds(metric)]
    return tuple(Threshold(rule.threshold, _label(name, rule)) for name, rule in found)


def _label(level: str, rule: Rule) -> str:
    return f"{plain(level, 40)}: {BOUND[rule.bound]} {SIGN[rule.direction]} {rule.threshold:g}"


def _said(point: Point) -> str:
    m = point.measured
    if m.value is None or m.low is None or m.high is None:
        return f"{point.checkpoint.step} not measured"
    return f"{point.checkpoint.step} {decimal(m.value, 2)} ({decimal(m.low, 2)} to {decimal(m.high, 2)})"
