"""The gate: a policy over a run's series, and the verdict with every number behind it.

Precedence: invalid, crossed, inconclusive, clear. Missing results and evidence not yet taken turn
only ``clear`` into ``inconclusive``; broken evidence makes any verdict ``invalid``.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from experiments.planning.policy import Policy
from experiments.reading.recorded import Decision
from experiments.reading.view import RunView
from experiments.results.baseline import DELTA, as_json
from experiments.results.compare import Side
from experiments.text import counted
from experiments.verdict.evidence import Evidence, weigh
from experiments.verdict.levels import LevelResult, grounds, judge_level
from experiments.verdict.quarantine import Quarantine, quarantined
from experiments.verdict.rules import Outcome, RuleResult
from experiments.verdict.standing import current, policy_json, policy_notes, standing

EXIT_CODES: Final[dict[Outcome, int]] = {"clear": 0, "crossed": 2, "inconclusive": 3, "invalid": 4}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the policy says of the run, and why."""

    outcome: Outcome
    reasons: tuple[str, ...]
    levels: tuple[LevelResult, ...]
    policy: Policy
    #: The checkpoint that rules on ``delta/…`` compare with.
    baseline: Side | None
    #: What to know besides: of the policy's record, and of decisions on other evidence.
    notes: tuple[str, ...]
    #: Those on this evidence by this policy.
    decisions: tuple[Decision, ...]
    #: Checkpoints that a crossed level names for quarantine.
    quarantine: tuple[Quarantine, ...]
    #: When the run came under the policy: ``standing.policy_json``.
    policy_record: dict[str, Any]
    #: Which checkpoint the baseline is: ``baseline.as_json``.
    baseline_record: dict[str, Any] | None

    @property
    def exit_code(self) -> int:
        """The exit code of ``tidegauge gate``."""
        return EXIT_CODES[self.outcome]

    @property
    def rules(self) -> list[RuleResult]:
        """All rule results in the policy's order."""
        return [rule for level in self.levels for rule in level.rules]

    def as_json(self) -> dict[str, Any]:
        """The gate's document of contract.md section 1."""
        return {
            "verdict": self.outcome,
            "reasons": list(self.reasons),
            "rules": [rule.as_json() for rule in self.rules],
            "levels": [level.as_json() for level in self.levels],
            "policy": self.policy_record,
            "baseline": self.baseline_record,
            "severity": self.policy.severity,
            "quarantine": [one.as_json() for one in self.quarantine],
            "notes": list(self.notes),
            "decisions": [decision.as_json() for decision in self.decisions],
        }


def judge(policy: Policy, view: RunView, baseline: Side | None = None) -> Verdict:
    """The verdict of ``policy`` on the run; ``baseline`` is what its rules on ``delta/…`` compare with."""
    view = view.weighed(policy.severity)
    on = grounds(policy, view, baseline)
    # Last, for it waits for the check of the chains, which other processes go on with meanwhile.
    evidence = weigh(view, policy.require, baseline.view if baseline else None)
    decisions = current(view, policy)
    levels = tuple(judge_level(level, on, evidence) for level in policy.levels)
    levels = tuple(
        replace(result, standing=standing(result.level, decisions)) if result.outcome == "crossed" else result
        for result in levels
    )
    kept_apart = quarantined(view, _quarantining(levels), policy.severity)
    outcomes = {result.outcome for result in levels}
    overall: Outcome = "clear"
    if evidence.broken:
        overall = "invalid"
    elif "crossed" in outcomes:
        overall = "crossed"
    elif "inconclusive" in outcomes or evidence.missing:
        overall = "inconclusive"
    return Verdict(
        overall, _reasons(levels, evidence), levels, policy, baseline,
        notes=tuple(_notes(view, policy, decisions, baseline, kept_apart)), decisions=tuple(decisions),
        quarantine=tuple(kept_apart),
        policy_record=policy_json(view, policy),
        baseline_record=None if baseline is None else as_json(view, baseline),
    )  # fmt: skip


def _quarantining(levels: Sequence[LevelResult]) -> list[RuleResult]:
    crossed = [one for one in levels if (one.outcome, one.level.action) == ("crossed", "quarantine")]
    return [rule for level in crossed for rule in level.rules if rule.outcome == "crossed"]


def _notes(
    view: RunView,
    policy: Policy,
    decisions: Sequence[Decision],
    baseline: Side | None,
    kept_apart: Sequence[Quarantine],
) -> list[str]:
    notes = [str(one) for one in kept_apart] + policy_notes(view, policy)
    notes += [f"the policy weighs {key} as severity {value}" for key, value in policy.severity.items()]
    compares = any(rule.metric.startswith(DELTA) for level in policy.levels for rule in level.rules)
    if baseline is not None and not compares:
        notes.append(
            f"no rule of the policy compares with {baseline.checkpoint}: the comparison decides nothing"
        )
    other = len(view.recorded.decisions) - len(decisions)
    if other:
        notes.append(f"{counted(other, 'decision')} on other evidence or by another policy: not counted here")
    return notes


def _reasons(levels: Sequence[LevelResult], evidence: Evidence) -> tuple[str, ...]:
    """What decided, strongest first."""
    reasons = list(evidence.broken)
    for wanted in ("crossed", "inconclusive"):
        for result in levels:
            if result.outcome == wanted:
                reasons += _level_reasons(result)
        if wanted == "crossed":
            reasons += evidence.missing
    return tuple(reasons) or (
        "every rule's threshold is ruled out, with the evidence that the policy requires",
    )


def _level_reasons(result: LevelResult) -> list[str]:
    """Why a level has its outcome; the metrics that share a reason are named together."""
    metrics: dict[str, list[str]] = {}
    for rule in result.rules:
        if rule.outcome == result.outcome:
            metrics.setdefault(rule.reason, []).append(rule.rule.metric)
    return [
        f"{result.level.name}: {', '.join(dict.fromkeys(names))}: {reason}"
        for reason, names in metrics.items()
    ]
