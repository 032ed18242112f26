"""Grades performance/train: times the submitted training beside the task's own."""

from typing import Final

from tasks.grading import Bench, Grade, Submission
from tasks.speed import grade_speed
from tasks.suite.performance.train.world import Hidden

#: Numbers a second that no processor reads: a training looks at its rows once at least.
FASTEST: Final = 1e10


async def grade(hidden: Hidden, submission: Submission, bench: Bench) -> Grade:
    """y = logarithm of how many times as fast as the start, in processor time; start = 0."""
    shape = hidden.training.shape
    least = shape.rows * shape.columns / FASTEST
    return await grade_speed(
        hidden.training, hidden.pace, hidden.public, hidden.seed, least, submission, bench
    )
