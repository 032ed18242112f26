"""Reference agents: scripts of the tasks themselves, whose scores show whether the harness still measures alike.

An episode is run once. So that a harness that changes under a run is seen all the same, the reference
agents play every world again whenever new checkpoints come: each such *look* is a checkpoint of theirs.
"""

from collections.abc import Iterator, Sequence, Set

from experiments.planning.config import CheckpointEntry, Config, ModelEntry
from experiments.planning.loading import checkpoints_of
from experiments.reading.view import RunView
from experiments.record.records import LedgerLine, PlanLine
from experiments.results.trend import PLAIN
from experiments.text import counted, decimal
from tasks.facts import PROMISED, SAME_WITHIN
from tasks.task import all_tasks

#: One world: task, level, arm, index.
Place = tuple[str, str, str, int]


def with_looks(config: Config, stored: Sequence[PlanLine], done: Set[str]) -> Config:
    """``config`` with the checkpoints of its reference families written out as looks.

    Args:
        config: as ``loading.load_config`` returned it.
        stored: the plan of its run, empty before the first invocation.
        done: the episodes that have a result.

    Returns:
        Every look that lacks results, and a new one if a checkpoint is new; else the latest.
    """
    fresh = _asked(config) - {str(line.checkpoint) for line in stored}
    models = [
        entry if entry.agent is None else _with_looks(entry, stored, done, new=bool(fresh))
        for entry in config.models
    ]
    return config.model_copy(update={"models": models})


def drifted(view: RunView) -> list[str]:
    """Where reference agents scored otherwise than promised, or than in their first look; in words."""
    said = list(_drifts(view))
    if not said:
        return []
    more = f" (and {counted(len(said) - 1, 'more result')})" if len(said) > 1 else ""
    return [f"the harness drifted: {said[0]}{more}"]


def _asked(config: Config) -> set[str]:
    return {
        f"{entry.family}/{checkpoint.name}"
        for entry in config.models
        if entry.agent is None
        for checkpoint in checkpoints_of(entry)
    }


def _with_looks(entry: ModelEntry, stored: Sequence[PlanLine], done: Set[str], *, new: bool) -> ModelEntry:
    mine = [line for line in stored if line.checkpoint.family == entry.family]
    last = max((line.checkpoint.step for line in mine), default=-1)
    wanted = {line.checkpoint.step for line in mine if line.episode not in done}
    wanted.add(last + 1 if new or not mine else last)
    checkpoints = [
        CheckpointEntry(name=f"look-{step}" if step else entry.family, step=step) for step in sorted(wanted)
    ]
    return entry.model_copy(update={"checkpoints": checkpoints})


def _drifts(view: RunView) -> Iterator[str]:
    first: dict[tuple[str, Place], LedgerLine] = {}
    finals = (line for line in view.lines if line.final and line.checkpoint.family in view.agents)
    for line in sorted(finals, key=lambda line: line.checkpoint.step):
        agent, where = view.agents[line.checkpoint.family], f"in {line.task}@{line.level} world {line.world}"
        if line.score is None:
            continue
        before = first.setdefault((line.checkpoint.family, _place(line)), line)
        low, high = PROMISED.get(agent, (float("-inf"), float("inf")))
        raw = line.score.raw
        # Nobody here promises what the solution of a public task scores.
        ours = line.arm == PLAIN and line.grading == "world"
        if ours and (raw is None or not low <= raw <= high):
            scored = f"ended as {line.status} without a result" if raw is None else f"scored {decimal(raw)}"
            yield f"agent {agent} {scored} {where}, where {low:g} to {high:g} is promised"
        elif before.score is not None and abs(line.score.strict - before.score.strict) > _same_within(
            line.task
        ):
            scores = f"{decimal(line.score.strict)} and not {decimal(before.score.strict)}"
            yield f"agent {agent} scored {scores} {where} at {line.checkpoint}"


def _same_within(task_id: str) -> float:
    """How far a score may lie from the first in the same world: by the task's own word, or as where it says nothing."""
    return next((task.facts.same_within for task in all_tasks() if task.id == task_id), SAME_WITHIN)


def _place(line: LedgerLine) -> Place:
    return line.task, line.level, line.arm, line.world
