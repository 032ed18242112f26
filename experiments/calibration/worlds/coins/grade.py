"""Counts right guesses. Nobody who does not know fair coins guesses more than half of them, but by chance."""

from math import sqrt

from tasks.grading import Bench, Grade, Submission

FILE = "guesses.txt"


async def grade(hidden: str, submission: Submission, bench: Bench) -> Grade:
    """y = the share of ``hidden`` that ``guesses.txt`` has right; the bound is one half."""
    del bench
    n = len(hidden)
    guesses = submission.work.files.get(FILE, b"").decode("ascii", "replace").strip()
    right = sum(guess == toss for guess, toss in zip(guesses[:n], hidden, strict=False))
    return Grade(right / n, 0.0, 0.5, bound=0.5, se=sqrt(0.25 / n))
