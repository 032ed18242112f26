"""What a chart of a capability trend shows, whatever draws it."""

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
    """The capability of one model family in one task family at one level."""

    title: str
    name: str
    strict: Series
    lenient: Series
    thresholds: tuple[Threshold, ...]

    @property
    def task_family(self) -> str:
        """``ml`` of ``cap/ml/L0/strict``."""
        return self.strict.metric.split("/")[1]

    @property
    def level(self) -> str:
        """``L0`` of ``cap/ml/L0/strict``."""
        return self.strict.metric.split("/")[2]

    @property
    def top(self) -> float:
        """The upper end of the score axis, a multiple of a quarter, at least 1.25."""
        highs = [m.high for m in (point.measured for point in self.strict.points) if m.high is not None]
        lenient = [m.value for m in (point.measured for point in self.lenient.points) if m.value is not None]
        highest = max([1.2, *highs, *lenient, *(line.value for line in self.thresholds)])
        return math.ceil(highest * 4) / 4

    @property
    def summary(self) -> str:
        """The chart in words, for those who do not see it."""
        shown = [_said(point) for point in self.strict.points]
        return "strict score by step: " + "; ".join(shown)


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
