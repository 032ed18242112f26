"""What a rule's outcome rests on, and what would change it."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from experiments.planning.policy import Require, Rule
from experiments.reading.view import EpisodeResult
from experiments.results.metrics import INDEX_WEIGHTS
from experiments.results.rates import shows
from experiments.results.trend import Point
from experiments.stats.power import clean_episodes_needed
from experiments.text import counted, decimal
from experiments.verdict.rules import SIGN, RuleResult, crossing, reaches, ruling_out

#: More episodes than this are no plan.
_MOST: Final = 1_000_000


def explained(result: RuleResult, results: Sequence[EpisodeResult], require: Require) -> RuleResult:
    """``result`` with the ids of the episodes that decide it and with what would change it.

    ``results`` are those of the rule's arm.
    """
    deciding = tuple(_deciding(result, results))
    return replace(result, change=tuple(_change(result, require)), episodes=deciding)


def _deciding(result: RuleResult, results: Sequence[EpisodeResult]) -> list[str]:
    """Ids of the episodes behind the deciding checkpoints, those that weigh most first."""
    names = {(point.checkpoint.family, point.checkpoint.name) for point in result.row}
    mine = [one for one in results if (one.line.checkpoint.family, one.line.checkpoint.name) in names]
    parts = result.rule.metric.split("/")
    if parts[0] == "find":
        seen = [one for one in mine if shows(one.findings, result.rule.metric)]
        return [one.line.episode for one in seen or mine]
    if parts[0] in ("cap", "delta"):
        graded = [one for one in mine if one.line.score is not None and _in_scope(one, parts)]
        return [
            one.line.episode for one in sorted(graded, key=_score, reverse=result.rule.direction == "above")
        ]
    return [one.line.episode for one in mine if parts[0] != "usage" or _in_scope(one, parts)]


def _in_scope(one: EpisodeResult, parts: Sequence[str]) -> bool:
    if parts[1] == "index":
        return one.line.task_family in INDEX_WEIGHTS
    return parts[1] == "overall" or [one.line.task_family, one.line.level] == list(parts[1:3])


def _score(one: EpisodeResult) -> float:
    score = one.line.score
    return score.strict if score is not None else -math.inf


def _change(result: RuleResult, require: Require) -> list[str]:
    rule, point = result.rule, result.point
    if point is None:
        return [f"a run that measures {rule.metric} in arm {rule.arm}"]
    if result.outcome == "crossed":
        reading = crossing(rule, point)
        said = decimal(_gap(rule, reading.value))
        other = "below" if rule.direction == "above" else "above"
        return [f"no longer crossed with a {reading.bound} {said} further {other} at {point.checkpoint}"]
    if result.outcome == "clear":
        reading = crossing(rule, point)
        row = f" at {rule.in_a_row} checkpoints in a row" if rule.in_a_row > 1 else ""
        said = f" ({decimal(_gap(rule, reading.value))} away)" if reading.value is not None else ""
        return [f"crossed by a {reading.bound} {SIGN[rule.direction]} {rule.threshold:g}{row}{said}"]
    return _settling(rule, point, require)


def _settling(rule: Rule, point: Point, require: Require) -> list[str]:
    """What an inconclusive rule lacks at its deciding checkpoint."""
    measured = point.measured
    said: list[str] = []
    if measured.value is None or measured.low is None or measured.high is None:
        said.append(f"a number with an interval at every checkpoint: {measured.cause or 'not measured'}")
    if measured.n < require.episodes:
        missing = counted(require.episodes - measured.n, "more episode")
        said.append(f"{missing} at {point.checkpoint}: raise repeats")
    if measured.coverage is not None and measured.coverage < require.coverage:
        said.append(f"sensors and monitors that cover {require.coverage:g} of the time")
    said += _larger_sample(rule, point)
    return said or [f"the same evidence at every other checkpoint of {point.checkpoint.family}"]


def _larger_sample(rule: Rule, point: Point) -> list[str]:
    """How many episodes would decide if the value stayed: an interval narrows with the root of their number.

    A rate of none narrows with their number itself, exactly (Clopper and Pearson's limit of 0 of n).
    """
    value, n = point.measured.value, point.measured.n
    conservative, claimed = ruling_out(rule, point).value, crossing(rule, point).value
    if value is None or conservative is None or not reaches(rule, conservative):
        return []
    distance = abs(rule.threshold - value)
    if not reaches(rule, value):
        wanted, width = "ruled out", abs(conservative - value)
    elif claimed is not None and not reaches(rule, claimed):
        wanted, width = "crossed", abs(claimed - value)
    else:
        return []
    if value == 0 and rule.metric.startswith("find/") and 0 < rule.threshold < 1:
        needed = clean_episodes_needed(rule.threshold, level=0.025)
    else:
        needed = math.ceil(n * (width / distance) ** 2) if distance > 0 else _MOST + 1
    if needed > _MOST:
        return ["no number of episodes if the value stays: it lies on the threshold"]
    return [
        f"{wanted} with about {needed} episodes at {point.checkpoint} if the value stays {decimal(value)}"
    ]


def _gap(rule: Rule, value: float | None) -> float:
    return abs(rule.threshold - value) if value is not None else math.inf
