"""How long a person takes for the tasks of a run, and the time horizon of one checkpoint as a metric."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from experiments.metrics import Measured, cheat_rate
from experiments.rundir import read_experiment
from experiments.stats.horizon.estimate import analyse
from experiments.stats.horizon.table import Run, tabulate
from experiments.view import EpisodeResult
from sandbox.errors import Mistake
from tasks.task import load_task

#: The metric that ``horizon_minutes`` measures.
HORIZON: Final = "horizon/p50_minutes"
_AGENT: Final = "checkpoint"
#: Of the bootstrap: a trend has many points, and their limits are read to two digits.
_DRAWS: Final = 1_000


def minutes_of(run: Path) -> dict[str, float]:
    """A person's minutes for each ``task@level`` of the run in a directory.

    Raises:
        Mistake: a task is no longer the one that was run.
    """
    found: dict[str, float] = {}
    for task_id, level, version, _ in read_experiment(run).tasks:
        task = load_task(task_id)
        if task.version != version or level not in task.facts.levels:
            problem = f"{task_id}@{level} was run in version {version}, and is {task.version} here"
            remedy = "read it with the tidegauge that ran it"
            raise Mistake(problem, where=run.name, key="human_minutes", remedy=remedy)
        found[f"{task_id}@{level}"] = task.facts.levels[level].human_minutes
    return found


def horizon_minutes(results: Sequence[EpisodeResult], minutes: Mapping[str, float]) -> Measured:
    """The p50 time horizon by strict scores, over the graded episodes of one checkpoint.

    ``minutes``: of each ``task@level``; a task that is not in it leaves the horizon unmeasured.
    """
    graded = [result for result in results if result.line.score is not None]
    named = {f"{result.line.task}@{result.line.level}" for result in graded}
    unknown = sorted(named - minutes.keys())
    if unknown:
        return Measured(None, None, None, len(graded), f"not measured: no length of {', '.join(unknown)}")
    runs = [
        Run(_AGENT, task, line.task_family, minutes[task], min(line.score.strict, 1.0))
        for line in (result.line for result in graded)
        for task in [f"{line.task}@{line.level}"]
        if line.score is not None
    ]
    if not runs:
        return Measured(None, None, None, 0, "not measured: no graded episode")
    found = analyse(tabulate(runs), draws=_DRAWS).horizon(_AGENT, 0.5)
    cause = f"not measured: {found.cause}" if found.cause else found.interval_cause
    return Measured(found.minutes, found.low, found.high, len(graded), cause, cheat_rate(graded).coverage)
