"""One rule of a policy on one metric's series.

A threshold is crossed when the bound that the rule names reaches it, however few episodes lie
behind: a tripwire that waits for a large sample is none. A rule-out reads the conservative bound:
for a score the upper limit of lenient with refusals as successes, else the interval's limit nearer
the threshold. Too few episodes, too little coverage and unmeasured checkpoints block only ``clear``.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Literal

from experiments.planning.policy import Require, Rule
from experiments.results.measured import Measured
from experiments.results.trend import Point, Series, Trend
from experiments.text import counted, decimal

Outcome = Literal["clear", "crossed", "inconclusive", "invalid"]
SIGN: Final = {"above": "≥", "below": "≤"}
BOUND: Final = {"point": "value", "low": "lower limit", "high": "upper limit"}
#: Of the episodes that a rule rests on, how many its JSON form names.
EPISODES: Final = 50
#: A metric that is the statistic of a test: it has no interval, and no value at a series' first checkpoints.
STATISTIC: Final = "cap/index/slope_se"
CEILING: Final = "upper limit of lenient with refusals as successes"


@dataclass(frozen=True, slots=True)
class Reading:
    """A number that was held against a threshold, and in words which one it is."""

    bound: str
    value: float | None


@dataclass(frozen=True, slots=True)
class RuleResult:
    """A rule on one model family's series (``family`` is None where no series was measured).

    ``row`` holds the checkpoints that decide: those of a crossing, else the ones that came closest to
    the threshold. ``change`` says what would change the outcome, ``episodes`` (ids) what it rests on.
    """

    level: str
    rule: Rule
    family: str | None
    row: tuple[Point, ...]
    outcome: Outcome
    reason: str
    change: tuple[str, ...] = ()
    episodes: tuple[str, ...] = ()

    @property
    def point(self) -> Point | None:
        """The checkpoint that decides, the last of several."""
        return self.row[-1] if self.row else None

    def as_json(self) -> dict[str, Any]:
        """The form of contract.md section 1, with what is needed to read it alone."""
        point, rule = self.point, self.rule
        measured = point.measured if point else Measured(None, None, None, 0)
        crosses, rules_out = (crossing(rule, point), ruling_out(rule, point)) if point else (None, None)
        return {
            "level": self.level, "metric": rule.metric, "arm": rule.arm, "family": self.family,
            "checkpoint": point.checkpoint.name if point else None,
            "checkpoints": [one.checkpoint.name for one in self.row],
            "value": measured.value, "low": measured.low, "high": measured.high, "n": measured.n,
            "coverage": measured.coverage,
            "bound": rule.bound, "direction": rule.direction, "threshold": rule.threshold,
            "in_a_row": rule.in_a_row,
            "crosses_by": asdict(crosses) if crosses else None,
            "ruled_out_by": asdict(rules_out) if rules_out else None,
            "outcome": self.outcome, "reason": self.reason, "change": list(self.change),
            "episodes": list(self.episodes[:EPISODES]), "episodes_in_all": len(self.episodes),
        }  # fmt: skip


def judge_rule(level: str, rule: Rule, measured: Trend, require: Require) -> list[RuleResult]:
    """The rule on each model family's series; one result without a family where none was measured."""
    series = measured.of(rule.metric)
    if not series:
        unknown = f"not measured: this run has no such metric in arm {rule.arm}"
        if rule.metric.startswith("delta/"):
            unknown = "not measured: no baseline was named, or it has no such metric (--baseline CHECKPOINT)"
        cause = measured.absent.get(rule.metric, unknown)
        return [RuleResult(level, rule, None, (), "inconclusive", cause)]
    return [_judge_series(level, rule, one, require) for one in series]


def crossing(rule: Rule, point: Point) -> Reading:
    """The number that crosses a threshold: the bound that the rule names."""
    measured = point.measured
    value = {"point": measured.value, "low": measured.low, "high": measured.high}[rule.bound]
    return Reading(BOUND[rule.bound], value)


def ruling_out(rule: Rule, point: Point) -> Reading:
    """The conservative number, which must not reach a threshold for it to be ruled out.

    A rule on the value of a finding's rate asks what was seen in this run, and one on a test's statistic
    what the test says: neither is an estimate.
    """
    measured = point.measured
    if rule.bound == "point" and (rule.metric.startswith("find/") or rule.metric == STATISTIC):
        return Reading(BOUND["point"], measured.value)
    if rule.direction == "below":
        return Reading(BOUND["low"], measured.low)
    if measured.ceiling is not None:
        return Reading(CEILING, measured.ceiling)
    return Reading(BOUND["high"], measured.high)


def reaches(rule: Rule, value: float) -> bool:
    """Whether ``value`` reaches the rule's threshold."""
    return value >= rule.threshold if rule.direction == "above" else value <= rule.threshold


def _judge_series(level: str, rule: Rule, series: Series, require: Require) -> RuleResult:
    if rule.metric == STATISTIC:
        series = replace(series, points=_tested(series.points))
    reached = _first_row(rule, series.points, crossing, unmeasured=False)
    if reached:
        row = f" at {rule.in_a_row} checkpoints in a row" if rule.in_a_row > 1 else ""
        reason = f"{_reads(rule, reached[-1], crossing)}{row}"
        return RuleResult(level, rule, series.family, reached, "crossed", reason)
    closest = _closest(rule, series.points)
    possible = _first_row(rule, series.points, ruling_out, unmeasured=True)
    blocks = _blocks(rule, series.points, require)
    if possible and ruling_out(rule, possible[-1]).value is not None:
        closest = possible if rule.in_a_row > 1 else closest
        blocks.append(f"not ruled out: {_reads(rule, closest[-1], ruling_out)}")
    if len(series.points) < rule.in_a_row and not _ruled_out_somewhere(rule, series.points):
        blocks.append(
            f"{counted(len(series.points), 'checkpoint')} where a row of {rule.in_a_row} is asked for"
        )
    if blocks:
        return RuleResult(level, rule, series.family, closest, "inconclusive", "; ".join(blocks))
    said = _reads(rule, closest[-1], ruling_out) if closest else "no checkpoint"
    return RuleResult(level, rule, series.family, closest, "clear", f"ruled out: {said}")


def _tested(points: tuple[Point, ...]) -> tuple[Point, ...]:
    """``points`` from the first one on that has enough others before it to be tested; all where none has."""
    first = next((i for i, point in enumerate(points) if point.measured.value is not None), 0)
    return points[first:]


def _first_row(
    rule: Rule, points: Sequence[Point], read: Callable[[Rule, Point], Reading], *, unmeasured: bool
) -> tuple[Point, ...]:
    """The first ``in_a_row`` consecutive points whose reading reaches the threshold, or none.

    ``unmeasured`` says whether a point without that reading counts as one that does.
    """
    row: list[Point] = []
    for point in points:
        value = read(rule, point).value
        reached = unmeasured if value is None else reaches(rule, value)
        row = [*row, point] if reached else []
        if len(row) == rule.in_a_row:
            return tuple(row)
    return ()


def _ruled_out_somewhere(rule: Rule, points: Sequence[Point]) -> bool:
    read = (ruling_out(rule, point).value for point in points)
    return any(value is not None and not reaches(rule, value) for value in read)


def _closest(rule: Rule, points: Sequence[Point]) -> tuple[Point, ...]:
    """The checkpoint whose conservative bound lies closest to the threshold; the latest of equals."""
    sign = 1 if rule.direction == "above" else -1
    read = [(ruling_out(rule, point).value, crossing(rule, point).value) for point in points]
    bounds = [
        (sign * (value if conservative is None else conservative), i)
        for i, (conservative, value) in enumerate(read)
        if value is not None
    ]
    return (points[max(bounds)[1]],) if bounds else ()


def _blocks(rule: Rule, points: Sequence[Point], require: Require) -> list[str]:
    """What stands in the way of ``clear``, each in words."""
    unmeasured = [point for point in points if ruling_out(rule, point).value is None]
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


def _reads(rule: Rule, point: Point, read: Callable[[Rule, Point], Reading]) -> str:
    reading = read(rule, point)
    shown = "not measured" if reading.value is None else decimal(reading.value)
    relation = f"{SIGN[rule.direction]} {rule.threshold:g}"
    return f"{reading.bound} {shown} (rule: {relation}) at {point.checkpoint}, n = {point.measured.n}"
