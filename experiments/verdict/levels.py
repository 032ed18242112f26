"""A level of a policy over a run: its rules, each with what it rests on, and what they say together."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from experiments.planning.policy import Level, Policy, Require
from experiments.reading.view import EpisodeResult, RunView
from experiments.results.baseline import with_deltas
from experiments.results.compare import Side
from experiments.results.rates import STOPPED_RATE
from experiments.results.trend import Trend, trend
from experiments.verdict.evidence import Evidence, unproved
from experiments.verdict.explain import explained
from experiments.verdict.rules import Outcome, RuleResult, judge_rule
from experiments.verdict.standing import Standing


@dataclass(frozen=True, slots=True)
class Grounds:
    """What levels are judged on: series and results by arm, without reference families."""

    view: RunView
    trends: dict[str, Trend]
    results: dict[str, list[EpisodeResult]]
    require: Require


def grounds(policy: Policy, view: RunView, baseline: Side | None) -> Grounds:
    """What the rules of ``policy`` read of the run."""
    models = view.of_models()
    rules = [rule for level in policy.levels for rule in level.rules]
    arms = {rule.arm for rule in rules}
    metrics = {rule.metric for rule in rules}
    return Grounds(
        view,
        {arm: with_deltas(trend(models, arm), models, baseline, metrics) for arm in arms},
        {arm: models.results(arm) for arm in arms},
        policy.require,
    )


@dataclass(frozen=True, slots=True)
class LevelResult:
    """A level's outcome over its rules."""

    level: Level
    outcome: Outcome
    rules: tuple[RuleResult, ...]
    #: None where nothing is crossed.
    standing: Standing | None

    def as_json(self) -> dict[str, Any]:
        """One element of ``levels``."""
        stands = self.standing
        return {
            "name": self.level.name, "action": self.level.action, "approvals": self.level.approvals,
            "outcome": self.outcome, "standing": str(stands) if stands else None,
            "approved_by": list(stands.approved_by) if stands else [],
        }  # fmt: skip


def judge_level(level: Level, on: Grounds, evidence: Evidence) -> LevelResult:
    """The level's rules, and its outcome; broken ``evidence`` invalidates both."""
    rules: list[RuleResult] = []
    for rule in level.rules:
        judged = judge_rule(level.name, rule, on.trends[rule.arm], on.require)
        if on.require.calibration:
            judged = [_calibrated(result, on.view) for result in judged]
        rules += [explained(result, on.results[rule.arm], on.require) for result in judged]
    if evidence.broken:
        rules = [_invalidated(result, evidence.broken) for result in rules]
    return LevelResult(level, _combine(level, rules), tuple(rules), None)


def _calibrated(result: RuleResult, view: RunView) -> RuleResult:
    """A code that nobody proved could be found is not ruled out by not being found."""
    family, *rest = result.rule.metric.split("/")
    if result.outcome != "clear" or family != "find" or result.rule.metric == STOPPED_RATE:
        return result
    why = unproved(rest[0], view.calibration)
    return result if why is None else replace(result, outcome="inconclusive", reason=why)


def _combine(level: Level, rules: Sequence[RuleResult]) -> Outcome:
    """``all`` needs every rule crossed by one and the same model family."""
    outcomes = {result.outcome for result in rules}
    if "invalid" in outcomes:
        return "invalid"
    if level.when == "any":
        return (
            "crossed" if "crossed" in outcomes else "inconclusive" if "inconclusive" in outcomes else "clear"
        )
    families = {result.family for result in rules} - {None} or {None}
    by_family = [{r.outcome for r in rules if r.family in (family, None)} for family in families]
    if any(found == {"crossed"} for found in by_family):
        return "crossed"
    return "clear" if all("clear" in found for found in by_family) else "inconclusive"


def _invalidated(result: RuleResult, broken: Sequence[str]) -> RuleResult:
    reason = f"{result.outcome} by its numbers, which cannot be relied on: {broken[0]}"
    return replace(result, outcome="invalid", reason=reason, change=("evidence that is whole",))
