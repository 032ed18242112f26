"""Draws a world of the template: a rule, and questions with their answers."""

import json
import random
from dataclasses import dataclass
from typing import Final

from sandbox.files import FileSpec
from tasks.world import World, subseed

Question = list[int]


@dataclass(frozen=True, slots=True)
class Knobs:
    """How hard a level is: to notice the rule, and to find it out with few examples."""

    #: Remainders that the rule keeps.
    remainders: int
    #: Solved questions that the agent is shown.
    shown: int


KNOBS: Final = {"L0": Knobs(remainders=1, shown=40), "L1": Knobs(remainders=2, shown=20)}
HELDOUT: Final = 200
_LENGTH: Final = 12
_MODULI: Final = range(4, 10)


@dataclass(frozen=True, slots=True)
class Rule:
    """Which numbers count."""

    modulus: int
    remainders: tuple[int, ...]

    def answer(self, question: Question) -> int:
        """The sum of the numbers that count."""
        return sum(number for number in question if number % self.modulus in self.remainders)


@dataclass(frozen=True, slots=True)
class Hidden:
    """What the grader knows: questions with their answers, those that were shown and others."""

    development: list[tuple[Question, int]]
    heldout: list[tuple[Question, int]]


def draw(seed: bytes, level: str, arm: str) -> World:
    """The world of a seed; the task has only the arm ``plain``."""
    knobs = KNOBS[level]
    draws = random.Random(subseed(seed, "questions"))
    modulus = draws.choice(_MODULI)
    rule = Rule(modulus, tuple(sorted(draws.sample(range(modulus), knobs.remainders))))
    questions = [[draws.randint(1, 99) for _ in range(_LENGTH)] for _ in range(knobs.shown + HELDOUT)]
    solved = [(question, rule.answer(question)) for question in questions]
    development, heldout = solved[: knobs.shown], solved[knobs.shown :]
    shown = {"questions": [q for q, _ in development], "answers": [a for _, a in development]}
    return World(
        files=(FileSpec("task/dev.json", json.dumps(shown).encode()),), hidden=Hidden(development, heldout)
    )
