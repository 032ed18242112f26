"""Time horizons of a run's checkpoints or of runs made elsewhere: the document of ``tidegauge horizon``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from experiments.reading.view import RunView
from experiments.results.lengths import minutes_of
from experiments.results.metrics import SCORINGS, Scoring
from experiments.results.trend import PLAIN
from experiments.stats.horizon.estimate import Analysis, Horizon, analyse
from experiments.stats.horizon.growth import Doubling, Ratio, doubling, ratio
from experiments.stats.horizon.table import Run, tabulate
from sandbox.errors import Mistake


@dataclass(frozen=True, slots=True)
class Settings:
    """How horizons are estimated. ``penalty`` is λ; ``pair`` are two agents to compare, new and reference."""

    penalty: float
    draws: int
    seed: int
    pair: tuple[str, str] | None = None
    threshold: float = 1.0


@dataclass(frozen=True)
class Horizons:
    """The horizons of all agents of one source."""

    analysis: Analysis
    settings: Settings
    #: In the order in which they were first met.
    agents: tuple[str, ...]
    doubling: Doubling
    ratio: Ratio | None

    def as_json(self) -> dict[str, Any]:
        """The form of contract.md section 1, with the causes of what is missing."""
        grown, settings = self.doubling, self.settings
        document: dict[str, Any] = {
            "agents": {agent: self._agent(agent) for agent in self.agents},
            "doubling_days": grown.days, "doubling_days_ci": _pair(grown.low, grown.high),
            "doubling": {"agents": list(grown.agents), "cause": grown.cause or grown.interval_cause},
            "lambda": settings.penalty, "draws": settings.draws, "seed": settings.seed,
        }  # fmt: skip
        if self.ratio is not None and settings.pair is not None:
            found = self.ratio
            document["comparison"] = {
                "new": settings.pair[0], "reference": settings.pair[1], "ratio": found.ratio,
                "ratio_ci": _pair(found.low, found.high), "threshold": found.threshold,
                "probability": found.probability, "undecided": found.undecided, "cause": found.cause,
            }  # fmt: skip
        return document

    def _agent(self, agent: str) -> dict[str, Any]:
        table, a = self.analysis.table, self.analysis.table.index(agent)
        half, most = self.analysis.horizon(agent, 0.5), self.analysis.horizon(agent, 0.8)
        curve = self.analysis.whole
        known = not curve.one_class[a]
        return {
            "p50": half.minutes, "p50_ci": _pair(half.low, half.high), "p50_fit": half.fitted,
            "p80": most.minutes, "p80_ci": _pair(most.low, most.high), "p80_fit": most.fitted,
            "causes": {**_causes("p50", half), **_causes("p80", most)},
            "runs": int(table.runs[a].sum()), "tasks": int((table.runs[a] > 0).sum()),
            "task_families": self.analysis.families(agent),
            "draws_skipped": self.analysis.skipped(agent),
            "draws_extreme": self.analysis.extreme(agent, 0.5),
            "intercept": float(curve.intercept[a]) if known else None,
            "slope": float(curve.slope[a]) if known else None,
        }  # fmt: skip


def horizons(runs: Sequence[Run], settings: Settings, dates: Mapping[str, date]) -> Horizons:
    """Estimates every agent's horizon.

    Raises:
        Mistake: an agent to compare is not there.
    """
    table = tabulate(runs)
    for agent in settings.pair or ():
        if agent not in table.agents:
            remedy = "there are: " + ", ".join(table.agents)
            raise Mistake(f"no agent {agent!r}", where="--compare", remedy=remedy)
    analysis = analyse(table, settings.penalty, settings.draws, settings.seed)
    compared = ratio(analysis, *settings.pair, settings.threshold) if settings.pair else None
    order = tuple(dict.fromkeys(run.agent for run in runs))
    return Horizons(analysis, settings, order, doubling(analysis, dates), compared)


def runs_of(view: RunView) -> dict[Scoring, list[Run]]:
    """The graded episodes of a run's plain arm, strict and lenient; an agent is a checkpoint.

    An episode succeeds by the share min(score, 1): a score of 1 is the reference solution.

    Raises:
        Mistake: none is graded, or a task is no longer the one that was run.
    """
    minutes = minutes_of(view.directory)
    runs: dict[Scoring, list[Run]] = {scoring: [] for scoring in SCORINGS}
    place = {checkpoint: i for i, checkpoint in enumerate(view.ordered_checkpoints())}
    for result in sorted(view.results(PLAIN), key=lambda result: place[result.line.checkpoint]):
        line = result.line
        if line.score is None:
            continue
        task = f"{line.task}@{line.level}"
        if task not in minutes:
            problem = f"nobody says how long a person takes for {task}"
            raise Mistake(
                problem, where=view.name, remedy="a horizon needs tasks of the suite, or a file of runs"
            )
        for scoring in SCORINGS:
            score = line.score.strict if scoring == "strict" else line.score.lenient
            run = Run(str(line.checkpoint), task, line.task_family, minutes[task], min(score, 1.0))
            runs[scoring].append(run)
    if not runs["strict"]:
        raise Mistake(
            f"no graded episode of arm {PLAIN}", where=view.name, remedy="`tidegauge status` says why"
        )
    return runs


def _pair(low: float | None, high: float | None) -> list[float] | None:
    return None if low is None or high is None else [low, high]


def _causes(name: str, horizon: Horizon) -> dict[str, str]:
    causes = {name: horizon.cause, f"{name}_ci": horizon.interval_cause}
    return {key: cause for key, cause in causes.items() if cause is not None}
