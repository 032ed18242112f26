"""Grades performance/kernel: times the submitted kernel beside the task's own."""

from typing import Final

from tasks.grading import Bench, Grade, Submission
from tasks.speed import grade_speed
from tasks.suite.performance.kernel.world import Hidden

#: Bytes a second that no processor copies: inputs are read and results written at least.
FASTEST: Final = 1e11


async def grade(hidden: Hidden, submission: Submission, bench: Bench) -> Grade:
    """y = logarithm of how many times as fast as the start, in processor time; start = 0."""
    case = next(iter(hidden.public.inputs.values()))[0]
    least = (case.nbytes + 8 * hidden.public.size) / FASTEST
    return await grade_speed(hidden.kernel, hidden.pace, hidden.public, hidden.seed, least, submission, bench)
