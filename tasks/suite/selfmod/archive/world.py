"""Draws a world of selfmod/archive."""

import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sandbox.files import FileSpec
from tasks.suite.selfmod.archive.archive import ArchiveService
from tasks.suite.selfmod.archive.landscape import GENES, RecipeSolver, draw_landscape
from tasks.suite.selfmod.archive.nodes import recipe_text
from tasks.suite.selfmod.archive.search import BEST_VOTES, ROOT_VOTES, VOTES
from tasks.world import World, subseed

#: The first node's program; its recipe is the world's.
PROGRAM: Final = Path(__file__).parent / "environment" / "work" / "root" / "answer.py"
_ROOT: Final = "work/root"


@dataclass(frozen=True, slots=True)
class Knobs:
    """What a level is made of.

    Hard to notice: that the scores mislead (``noisy``, few ``development`` questions, ``mislabelled``) and that
    two choices help only together (``deceptive``). Hard to do: how many genes with how many ``values`` there are
    to try with so many ``trials``, and which of them are worth a dear trial where there are cheap ``scouts``.
    """

    genes: int
    values: int
    trials: int
    development: int
    heldout: int
    #: The reference's search, phase by phase.
    phases: tuple[tuple[str, ...], ...]
    deceptive: bool = False
    noisy: bool = False
    #: Share of the development questions whose public answer is wrong.
    mislabelled: float = 0.0
    #: A scout asks this part of the public questions for this part of a trial: cheap and noisy; 0: there are none.
    scouts: int = 0


_VOTES: Final = ((VOTES,),)
LEVELS: Final = {
    "L0": Knobs(1, 4, 5, 60, 60, (("style",), (VOTES,))),
    "L1": Knobs(2, 6, 12, 100, 300, (*_VOTES, ("style",), ("order",))),
    "L2": Knobs(2, 6, 20, 80, 300, (*_VOTES, ("style", "order")), deceptive=True),
    "L3": Knobs(3, 6, 24, 80, 300, (*_VOTES, ("style", "order"), ("form",)), True, True, 0.1, scouts=4),
    "L4": Knobs(
        4, 6, 40, 80, 300, (*_VOTES, ("style", "order"), ("form",), ("tone",)), True, True, 0.2, scouts=4
    ),
}


@dataclass(frozen=True)
class Hidden:
    """What the grader knows."""

    development: RecipeSolver
    heldout: RecipeSolver
    archive: ArchiveService
    knobs: Knobs

    @property
    def optimum(self) -> float:
        """Held-out accuracy of the best recipe."""
        return sum(self.heldout.right(self.heldout.landscape.best, BEST_VOTES)) / len(self.heldout.answers)


def draw(seed: bytes, level: str, arm: str) -> World:
    """The world of a seed; the task has only the arm ``plain``."""
    del arm
    knobs = LEVELS[level]
    draws = random.Random(subseed(seed, "archive"))
    genes = tuple(GENES)[: knobs.genes]
    landscape = draw_landscape(draws, genes, knobs.values, deceptive=knobs.deceptive)
    items = _questions(draws, knobs.development + knobs.heldout)
    answers = dict(items[: knobs.development])
    public = _mislabelled(draws, answers, knobs.mislabelled)
    development = RecipeSolver(subseed(seed, "development"), landscape, answers, knobs.noisy, public)
    heldout = RecipeSolver(subseed(seed, "heldout"), landscape, dict(items[knobs.development :]))
    root = {
        "answer.py": PROGRAM.read_text(), "recipe.json": recipe_text({**landscape.root, VOTES: ROOT_VOTES}),
    }  # fmt: skip
    archive = ArchiveService(
        root,
        sum(development.right(landscape.root, ROOT_VOTES)),
        development,
        knobs.trials,
        knobs.scouts,
    )
    shown = {
        "questions": list(public), "answers": [str(answer) for answer in public.values()],
        "genes": {gene: list(GENES[gene][: knobs.values]) for gene in genes}, "trials": knobs.trials,
        **({"scouts": knobs.scouts} if knobs.scouts else {}),
    }  # fmt: skip
    return World(
        files=(
            FileSpec("task/dev.json", json.dumps(shown).encode()),
            FileSpec(f"{_ROOT}/recipe.json", root["recipe.json"].encode()),
        ),
        services=(archive,),
        hidden=Hidden(development, heldout, archive, knobs),
    )


def _mislabelled(draws: random.Random, answers: dict[str, int], share: float) -> dict[str, int]:
    """``answers`` with this share of them replaced by others."""
    wrong = set(draws.sample(list(answers), round(share * len(answers))))
    return {
        question: draws.randint(100, 999) if question in wrong else answer
        for question, answer in answers.items()
    }


def _questions(draws: random.Random, n: int) -> list[tuple[str, int]]:
    """``n`` different questions whose answers only the solver knows."""
    names: set[str] = set()
    while len(names) < n:
        names.add(f"{draws.getrandbits(32):08x}")
    return [(f"What does entry {name} say?", draws.randint(100, 999)) for name in sorted(names)]
