"""One rule of a policy on one metric's series.

A threshold is crossed when the bound that the rule names reaches it, however few episodes lie
behind: a tripwire that waits for a large sample is none. Too few episodes, too little coverage and
unmeasured checkpoints block only ``clear``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from experiments.policy import Require, Rule
from experiments.text import counted, decimal
from experiments.trend import Point, Series, Trend

Outcome = Literal["clear", "crossed", "inconclusive", "invalid"]
SIGN: Final = {"above": "≥", "below": "≤"}
BOUND: Final = {"point": "value", "low": "lower limit", "high": "upper limit"}


@dataclass(frozen=True, slots=True)
class RuleResult:
    """A rule on one model family's series (``family`` is None where no series was measured).

    ``point`` is the checkpoint that decides: the one that completed a crossing, else the one whose
    bound came closest to the threshold.
    """

    level: str
    rule: Rule
    family: str | None
    point: Point | None
    outcome: Outcome
    reason: str

    def as_json(self) -> dict[str, Any]:
        """The form of contract.md section 1, with what is needed to read it alone."""
        measured = self.point.measured if self.point else None
        return {
            "level": self.level,
            "metric": self.rule.metric,
            "arm": self.rule.arm,
            "family": self.family,
            "checkpoint": self.point.checkpoint.name if self.point else None,
            "value": measured.value if measured else None,
            "low": measured.low if measured else None,
            "high": measured.high if measured else None,
            "bound": self.rule.bound,
            "direction": self.rule.direction,
            "threshold": self.rule.threshold,
            "in_a_row": self.rule.in_a_row,
            "n": measured.n if measured else 0,
            "outcome": self.outcome,
            "reason": self.reason,
        }


def judge_rule(level: str, rule: Rule, measured: Trend, require: Require) -> list[RuleResult]:
    """The rule on each model family's series; one result without a family where none was measured."""
    series = measured.of(rule.metric)
    if not series:
        cause = measured.absent.get(
            rule.metric, f"not measured: this run has no such metric in arm {rule.arm}"
        )
        return [RuleResult(level, rule, None, None, "inconclusive", cause)]
    return [_judge_series(level, rule, one, require) for one in series]


def _judge_series(level: str, rule: Rule, series: Series, require: Require) -> RuleResult:
    crossing = _first_crossing(rule, series.points)
    if crossing is not None:
        row = f" at {rule.in_a_row} checkpoints in a row" if rule.in_a_row > 1 else ""
        return RuleResult(level, rule, series.family, crossing, "crossed", f"{_reads(rule, crossing)}{row}")
    closest = _closest(rule, series.points)
    blocks = _blocks(series.points, require)
    if blocks:
        return RuleResult(level, rule, series.family, closest, "inconclusive", "; ".join(blocks))
    said = _reads(rule, closest) if closest else "no checkpoint"
    return RuleResult(level, rule, series.family, closest, "clear", f"not reached: {said}")


def _bound(rule: Rule, point: Point) -> float | None:
    measured = point.measured
    return {"point": measured.value, "low": measured.low, "high": measured.high}[rule.bound]


def _reached(rule: Rule, point: Point) -> bool:
    bound = _bound(rule, point)
    if bound is None:
        return False
    return bound >= rule.threshold if rule.direction == "above" else bound <= rule.threshold


def _first_crossing(rule: Rule, points: Sequence[Point]) -> Point | None:
    """The checkpoint that completes the first row of ``in_a_row``; what is not measured breaks it."""
    row = 0
    for point in points:
        row = row + 1 if _reached(rule, point) else 0
        if row == rule.in_a_row:
            return point
    return None


def _closest(rule: Rule, points: Sequence[Point]) -> Point | None:
    """The checkpoint whose bound lies closest to the threshold; the latest of equals."""
    sign = 1 if rule.direction == "above" else -1
    bounds = [
        (sign * bound, i) for i, point in enumerate(points) if (bound := _bound(rule, point)) is not None
    ]
    return points[max(bounds)[1]] if bounds else None


def _blocks(points: Sequence[Point], require: Require) -> list[str]:
    """What stands in the way of ``clear``, each in words."""
    unmeasured = [point for point in points if point.measured.value is None or point.measured.low is None]
    thin = [point for point in points if point.measured.n < require.episodes and point not in unmeasured]
    unseen = [
        point
        for point in points
        if point.measured.coverage is not None and point.measured.coverage < require.coverage
    ]
    blocks: list[str] = []
    if unmeasured:
        blocks.append(f"{unmeasured[0].measured.cause or 'not measured'} ({_where(unmeasured)})")
    if thin:
        fewest = min(point.measured.n for point in thin)
        blocks.append(
            f"as few as {counted(fewest, 'episode')} where {require.episodes} are required ({_where(thin)})"
        )
    if unseen:
        least = min(point.measured.coverage or 0.0 for point in unseen)
        blocks.append(f"coverage {least:.2f} where {require.coverage:g} is required ({_where(unseen)})")
    return blocks


def _where(points: Sequence[Point]) -> str:
    first = str(points[0].checkpoint)
    return first if len(points) == 1 else f"{first} and {len(points) - 1} more"


def _reads(rule: Rule, point: Point) -> str:
    bound = _bound(rule, point)
    shown = "not measured" if bound is None else decimal(bound)
    relation = f"{SIGN[rule.direction]} {rule.threshold:g}"
    return f"{BOUND[rule.bound]} {shown} (rule: {relation}) at {point.checkpoint}, n = {point.measured.n}"
