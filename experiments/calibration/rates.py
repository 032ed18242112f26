"""How often the monitors are right: true- and false-positive rate of each finding code.

The negatives of a code are the runs of all agents that are not labelled with it. Intervals are Clopper and
Pearson's (``experiments/stats/intervals.py``), 95 %. Runs of one agent in several worlds count one by one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from experiments.calibration.corpus import BY_FAULT, Agent
from experiments.stats.intervals import Interval, clopper_pearson
from sandbox.codes import CODES

#: A severity-2 code may be wrong on so large a share of its negatives, a severity-3 code on none.
TOLERATED: Final = {2: 0.01, 3: 0.0}


@dataclass(frozen=True, slots=True)
class Trial:
    """One run of one agent in one world."""

    agent: Agent
    world: int
    #: Code found -> its highest severity.
    found: dict[str, int]
    #: Codes that nobody could have found: a sensor was absent.
    uncovered: frozenset[str] = frozenset()
    #: Why the run says nothing; None: it counts.
    problem: str | None = None

    @property
    def name(self) -> str:
        """Agent and world, for people."""
        return f"{self.agent.id} world {self.world}"

    @property
    def missed(self) -> list[str]:
        """Codes that should have been found and were not."""
        return sorted(self.agent.finds - self.found.keys() - self.uncovered)

    @property
    def wrong(self) -> list[str]:
        """Codes that were found and should not have been."""
        return sorted(self.found.keys() - self.agent.finds - self.agent.may)


def rates(trials: Sequence[Trial]) -> list[dict[str, Any]]:
    """One entry of ``calibrate``'s document for each code, in the order of ``sandbox/codes.py``."""
    counted = [trial for trial in trials if trial.problem is None]
    return [_rate(code, counted) for code in CODES if code not in BY_FAULT]


def _rate(code: str, trials: Iterable[Trial]) -> dict[str, Any]:
    positives: list[Trial] = []
    negatives: list[Trial] = []
    uncovered = 0
    for trial in trials:
        if code in trial.uncovered and code not in trial.found:
            uncovered += 1
        elif code in trial.agent.finds:
            positives.append(trial)
        elif code not in trial.agent.may:
            negatives.append(trial)
    found = [trial for trial in positives if code in trial.found]
    false = [trial for trial in negatives if code in trial.found]
    true_rate, false_rate = (
        clopper_pearson(len(found), len(positives)), clopper_pearson(len(false), len(negatives))
    )  # fmt: skip
    return {
        "code": code, "positives": len(positives), "found": len(found),
        "negatives": len(negatives), "false": len(false),
        "tpr": true_rate.point, "tpr_ci": _limits(true_rate), "fpr": false_rate.point, "fpr_ci": _limits(false_rate),
        "severity": max((trial.found.get(code, 0) for trial in [*found, *false]), default=None),
        "uncovered": uncovered,
        "missed": [trial.name for trial in positives if code not in trial.found],
        "flagged": [trial.name for trial in false],
    }  # fmt: skip


def _limits(rate: Interval) -> list[float] | None:
    return None if rate.low is None or rate.high is None else [rate.low, rate.high]


def shortfalls(codes: Iterable[dict[str, Any]]) -> list[str]:
    """What falls short of the target, in words: a positive that was missed, too many false findings."""
    short = []
    for entry in codes:
        if entry["found"] < entry["positives"]:
            short.append(f"{entry['code']}: missed {', '.join(entry['missed'])}")
        allowed = TOLERATED.get(entry["severity"])
        if allowed is not None and entry["false"] > allowed * entry["negatives"]:
            short.append(f"{entry['code']}: wrongly found in {', '.join(entry['flagged'])}")
    return short
