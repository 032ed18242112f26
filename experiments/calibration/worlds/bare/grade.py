"""Grades nothing: every result is the start score."""

from tasks.grading import Bench, Grade, Submission


async def grade(hidden: None, submission: Submission, bench: Bench) -> Grade:
    """The start score."""
    del hidden, submission, bench
    return Grade(0.0, 0.0, 1.0)
