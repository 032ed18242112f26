"""Does capability rise over the checkpoints of a run? Success of the first against the last ones.

    .venv/bin/python -I benchmarks/rise.py runs/quickstart-…

Success is a strict score of at least 0.8. For each task: the first two checkpoints pooled against
the last three pooled, with Clopper-Pearson 95 % intervals. Exit 0 if they lie apart for every task.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from experiments.reading.reading import load_view
from experiments.reading.view import RunView
from experiments.record.records import Checkpoint
from experiments.stats.intervals import Interval, clopper_pearson

SUCCESS = 0.8
FIRST, LAST = 2, 3


def success(view: RunView, task: str, checkpoints: Sequence[Checkpoint]) -> tuple[int, Interval]:
    """Successes of ``checkpoints`` at ``task``, and the interval of their rate."""
    scores = [
        result.line.score.strict
        for result in view.results("plain")
        if result.line.task == task
        and result.line.checkpoint in checkpoints
        and result.line.score is not None
    ]
    right = sum(score >= SUCCESS for score in scores)
    return right, clopper_pearson(right, len(scores))


def shown(right: int, rate: Interval) -> str:
    """``12 of 12 [0.735, 1.000]``, or why there is no interval."""
    if rate.low is None or rate.high is None:
        return rate.cause or "not measured"
    return f"{right} of {rate.n} [{rate.low:.3f}, {rate.high:.3f}]"


def main(directory: Path) -> int:
    """Prints a line a task and family."""
    view = load_view(directory)
    apart = True
    for family in view.families():
        series = view.series_of(family)
        for task in sorted({line.task for line in view.lines}):
            first, early = success(view, task, series[:FIRST])
            last, late = success(view, task, series[-LAST:])
            rises = early.high is not None and late.low is not None and late.low > early.high
            apart = apart and rises
            print(f"{family} {task}: {'apart' if rises else 'not apart'}")
            print(f"  first {FIRST} checkpoints  {shown(first, early)}")
            print(f"  last {LAST} checkpoints   {shown(last, late)}")
    return 0 if apart else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
