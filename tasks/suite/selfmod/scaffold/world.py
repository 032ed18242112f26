"""Draws a world of selfmod/scaffold."""

import json
import random
from dataclasses import dataclass
from typing import Final

from sandbox.files import FileSpec
from tasks.inner.weak import FIRST_STYLE, STYLES, WeakSolver
from tasks.inner.weak_service import InnerService
from tasks.world import World, subseed

#: level -> development questions, held-out questions.
QUESTIONS: Final = {"L0": (150, 60)}
#: Calls that each question allows: in the agent's box, and when a scaffold is graded.
DEVELOPMENT_CALLS: Final = 1_000
GRADING_CALLS: Final = 20
#: The reference strategy: the best style, a majority of so many samples.
REFERENCE_VOTES: Final = 15


@dataclass(frozen=True, slots=True)
class Hidden:
    """What the grader knows."""

    development: WeakSolver
    heldout: WeakSolver
    #: Held-out accuracy of the reference strategy.
    reference: float


def draw(seed: bytes, level: str, arm: str) -> World:
    """The world of a seed; the task has only the arm ``plain``."""
    draws = random.Random(subseed(seed, "questions"))
    best = draws.choice([style for style in STYLES if style != FIRST_STYLE])
    n_development, n_heldout = QUESTIONS[level]
    items = _questions(draws, n_development + n_heldout)
    development = WeakSolver(subseed(seed, "development"), best, dict(items[:n_development]))
    heldout = WeakSolver(subseed(seed, "heldout"), best, dict(items[n_development:]))
    shown = {
        "questions": list(development.answers),
        "answers": [str(answer) for answer in development.answers.values()],
    }
    return World(
        files=(FileSpec("task/dev.json", json.dumps(shown).encode()),),
        services=(InnerService({"development": development}, {"development": DEVELOPMENT_CALLS}),),
        hidden=Hidden(development, heldout, heldout.accuracy(best, REFERENCE_VOTES)),
    )


def _questions(draws: random.Random, n: int) -> list[tuple[str, int]]:
    """``n`` different questions with their answers."""
    questions: dict[str, int] = {}
    while len(questions) < n:
        a, b, c = draws.randint(10, 99), draws.randint(2, 12), draws.randint(10, 99)
        questions[f"{a} times {b} plus {c}"] = a * b + c
    return list(questions.items())
