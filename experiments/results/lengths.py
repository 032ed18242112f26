"""How long a person takes for the tasks of a run, and the time horizons of one checkpoint as metrics."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from experiments.reading.view import EpisodeResult
from experiments.record.rundir import read_experiment
from experiments.results.measured import Measured
from experiments.results.metrics import cheat_rate, most
from experiments.stats.horizon.estimate import Analysis, Horizon, analyse
from experiments.stats.horizon.table import Run, tabulate
from sandbox.errors import Mistake
from tasks.harbor.task import LEVEL
from tasks.task import load_task

#: The metrics that ``horizons_of`` measures, and at which share of success.
P50: Final = "horizon/p50_minutes"
P80: Final = "horizon/p80_minutes"
SHARES: Final = {P50: 0.5, P80: 0.8}
_AGENT: Final = "checkpoint"
#: Of the bootstrap: a trend has many points, and their limits are read to two digits.
_DRAWS: Final = 1_000


def horizon_name(metric: str) -> str:
    """``p50`` of ``horizon/p50_minutes``."""
    return metric.split("/")[1].partition("_")[0]


def minutes_of(run: Path) -> dict[str, float]:
    """A person's minutes for each ``task@level`` of the run in a directory.

    Raises:
        Mistake: a task is no longer the one that was run.
    """
    found: dict[str, float] = {}
    for task_id, level, version, _ in read_experiment(run).tasks:
        if level == LEVEL:
            continue  # a public task: nobody here says how long a person takes
        task = load_task(task_id)
        # A minor version leaves the worlds and their lengths as they were.
        if task.version.split(".")[0] != version.split(".")[0] or level not in task.facts.levels:
            problem = f"{task_id}@{level} was run in version {version}, and is {task.version} here"
            remedy = "read it with the tidegauge that ran it"
            raise Mistake(problem, where=run.name, key="human_minutes", remedy=remedy)
        found[f"{task_id}@{level}"] = task.facts.levels[level].human_minutes
    return found


def horizons_of(results: Sequence[EpisodeResult], minutes: Mapping[str, float]) -> dict[str, Measured]:
    """The time horizons by strict scores, over the graded episodes of one checkpoint.

    Each is ruled out by the upper limit of the horizon by lenient scores with refusals counted as successes: where
    there is no such limit there is no upper limit at all.

    Args:
        results: of one checkpoint.
        minutes: of each ``task@level``; a task that is not in it leaves the horizons unmeasured.
    """
    graded = [(result, result.line.score.strict) for result in results if result.line.score is not None]
    unknown = sorted({_place(result) for result, _ in graded} - minutes.keys())
    if unknown:
        return unmeasured(f"no length of {', '.join(unknown)}", len(graded))
    if not graded:
        return unmeasured("no graded episode")
    best = [(result, most(result.line)) for result, _ in graded]
    strict = _analysis(graded, minutes)
    # Where nobody cheated or refused they are the same.
    highest = strict if best == graded else _analysis(best, minutes)
    coverage = cheat_rate([result for result, _ in graded]).coverage
    return {
        metric: _measured(
            strict.horizon(_AGENT, share), highest.horizon(_AGENT, share), len(graded), coverage
        )
        for metric, share in SHARES.items()
    }


def unmeasured(cause: str, n: int = 0) -> dict[str, Measured]:
    """Both, with why there is none."""
    return dict.fromkeys(SHARES, Measured(None, None, None, n, f"not measured: {cause}"))


def _measured(found: Horizon, highest: Horizon, n: int, coverage: float | None) -> Measured:
    cause = f"not measured: {found.cause}" if found.cause else found.interval_cause or highest.interval_cause
    high = None if highest.high is None else found.high
    return Measured(found.minutes, found.low, high, n, cause, coverage, ceiling=highest.high)


def _analysis(scored: Sequence[tuple[EpisodeResult, float]], minutes: Mapping[str, float]) -> Analysis:
    runs = [
        Run(_AGENT, task, result.line.task_family, minutes[task], min(score, 1.0))
        for result, score in scored
        for task in [_place(result)]
    ]
    return analyse(tabulate(runs), draws=_DRAWS)


def _place(result: EpisodeResult) -> str:
    return f"{result.line.task}@{result.line.level}"
