"""What a chart of a trend shows, whatever draws it: a capability, a time horizon, or how often a finding was made."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from experiments.planning.policy import Policy, Rule
from experiments.reporting.axes import Axis, duration, from_zero, of_minutes
from experiments.results.lengths import SHARES, horizon_name
from experiments.results.measured import Measured
from experiments.results.trend import Point, Series, Trend
from experiments.text import decimal, plain
from experiments.verdict.rules import BOUND, SIGN


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
    #: Up to where its axis goes at least, so that charts side by side compare.
    reach: float = 0.0

    @property
    def kind(self) -> str:
        """``cap``, ``find`` or ``horizon``."""
        return self.series.metric.split("/")[0]

    @property
    def what(self) -> str:
        """What the series counts, for a legend."""
        return _counted(self.series)

    @property
    def what_beside(self) -> str:
        """The same of the series beside it; empty without one."""
        return _counted(self.beside) if self.beside else ""

    @property
    def group(self) -> str:
        """``ml/L0`` of ``cap/ml/L0/strict``, ``index`` of ``cap/index``."""
        return "/".join(self.series.metric.split("/")[1:3])

    @property
    def highest(self) -> float:
        """The highest that it shows: a value, a limit of the series or a line."""
        highs = [m.high for m in (point.measured for point in self.series.points) if m.high is not None]
        return max([0.0, *highs, *self._values, *(line.value for line in self.thresholds)])

    @property
    def axis(self) -> Axis:
        """The upright axis: of scores up to 1.25 at least, of shares to 1 at most."""
        if self.kind == "horizon":
            limits = [limit for one in self._measured for limit in (one.low, one.high) if limit is not None]
            lines = [line.value for line in self.thresholds]
            return of_minutes("length of task, a person's time", self._values, [*limits, *lines])
        rate = self.kind == "find"
        highest = max(0.0 if rate else 1.2, self.highest, self.reach)
        step = 0.05 if rate and highest <= 0.25 else 0.25
        top = max(step, math.ceil(round(highest / step, 6)) * step)
        tick = 0.05 if top <= 0.25 else 0.25 if top <= 1.5 else 0.5
        return from_zero("share of episodes" if rate else "score (reference = 1)", top, tick)

    @property
    def _measured(self) -> list[Measured]:
        beside = self.beside.points if self.beside else ()
        return [p.measured for p in (*self.series.points, *beside) if p.measured.value is not None]

    @property
    def _values(self) -> list[float]:
        return [one.value for one in self._measured if one.value is not None]

    def said(self, value: float) -> str:
        """A value of it in words."""
        return duration(value) if self.kind == "horizon" else decimal(value)

    @property
    def summary(self) -> str:
        """The chart in words, for those who do not see it."""
        what = "strict score" if self.kind == "cap" else self.what
        return f"{what} by step: " + "; ".join(_said(self, point) for point in self.series.points)

    @property
    def summary_beside(self) -> str:
        """The same of the series beside it."""
        points = self.beside.points if self.beside else ()
        return f"{self.what_beside} by step: " + "; ".join(_said(self, point) for point in points)


def charts(trend: Trend, policy: Policy | None) -> list[Chart]:
    """One chart for each capability index and each series of strict scores, all on one scale; the policy's lines on
    strict and lenient."""
    found = _index_charts(trend, policy)
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
    reach = max((chart.highest for chart in found), default=0.0)
    return [replace(chart, reach=reach) for chart in found]


def _index_charts(trend: Trend, policy: Policy | None) -> list[Chart]:
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


def horizon_charts(trend: Trend, policy: Policy | None) -> list[Chart]:
    """The time horizons of each model family in which any checkpoint has one."""
    found: list[Chart] = []
    for family in dict.fromkeys(series.family for series in trend.series):
        there = [
            one
            for metric in SHARES
            for one in trend.of(metric)
            if one.family == family and any(point.measured.value is not None for point in one.points)
        ]
        if there:
            first, beside = there[0], there[1] if len(there) > 1 else None
            lines = tuple(line for one in there for line in _lines(policy, one))
            found.append(
                Chart(f"time horizon · {plain(family, 60)}", f"horizon-{family}", first, beside, lines)
            )
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
    value = duration(rule.threshold) if rule.metric in SHARES else f"{rule.threshold:g}"
    return f"{plain(level, 40)}: {BOUND[rule.bound]} {SIGN[rule.direction]} {value}"


def _counted(series: Series) -> str:
    if series.metric in SHARES:
        return horizon_name(series.metric)
    return "rate" if series.metric.startswith("find/") else series.metric.split("/")[-1]


def _said(chart: Chart, point: Point) -> str:
    m = point.measured
    if m.value is None:
        return f"{point.checkpoint.step} not measured"
    said = (lambda value: decimal(value, 2)) if chart.kind != "horizon" else duration
    interval = "" if m.low is None or m.high is None else f" ({said(m.low)} to {said(m.high)})"
    return f"{point.checkpoint.step} {said(m.value)}{interval}"
