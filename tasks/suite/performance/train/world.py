"""Draws a world of performance/train."""

import json
from dataclasses import asdict, dataclass
from typing import Final

import numpy as np

from sandbox.files import FileSpec
from tasks.pacing import Pace, npz
from tasks.suite.performance.train.environment import rows
from tasks.suite.performance.train.environment.rows import Drawn, Recipe, Shape
from tasks.world import World, subseed

#: Names of recipes; a closed vocabulary of plain words.
WORDS: Final = (
    "heat", "flow", "mass", "tilt", "site", "lane", "wind", "salt", "depth", "load", "speed", "force",
    "light", "noise", "width", "angle", "grain", "charge", "wave", "pulse", "ridge", "crest",
    "drift", "sand", "clay", "stone", "frost", "cloud", "rain", "tide", "current", "port", "shift",
    "line", "plant", "crew", "gain",
)  # fmt: skip
#: Two recipes that reach the target, the reference first, and six that do not.
RECIPES: Final = (
    Recipe("adapt", 40, 0.05, 20), Recipe("plain", 10, 0.1, 200),
    Recipe("plain", 40, 0.01, 60), Recipe("push", 40, 0.001, 40), Recipe("adapt", 40, 0.001, 18),
    Recipe("plain", 2, 0.001, 100), Recipe("push", 10, 0.0005, 80), Recipe("adapt", 100, 0.0005, 15),
)  # fmt: skip
#: Public cases that a submission is run on where it is graded, to see whether they are built in.
CHECKED: Final = 2


@dataclass(frozen=True, slots=True)
class Knobs:
    """What a level asks for."""

    shape: Shape
    #: The file of the program that lies there at the start, and its recipe.
    file: str
    start: Recipe
    #: The recipe of the reference, and the file of its program.
    reference: Recipe
    #: Recipes that the agent is shown: what is to be noticed is noticed by trying them.
    recipes: tuple[Recipe, ...]
    #: Public cases.
    public: int
    pace: Pace
    reference_file: str = "train.txt"


LEVELS: Final = {
    "L0": Knobs(
        Shape(rows=400, columns=8, hidden=32, classes=3), "train.txt", Recipe("plain", 1, 0.03, 1200), RECIPES[0],
        RECIPES, public=6, pace=Pace(0.05, least=2, most=40),
    ),
    # No recipes: that batches and another rule help is to be noticed, and a recipe to be found by trying.
    "L1": Knobs(
        Shape(rows=800, columns=16, hidden=48, classes=5), "train.txt", Recipe("plain", 1, 0.02, 3000),
        Recipe("adapt", 40, 0.02, 50), (), public=4,
        pace=Pace(0.06, least=1, most=20),
    ),
    # The gradient is taken row by row as well, and larger batches alone hardly help.
    "L2": Knobs(
        Shape(rows=800, columns=16, hidden=48, classes=5), "rowwise.txt", Recipe("plain", 10, 0.1, 500),
        Recipe("adapt", 40, 0.02, 50), (), public=4,
        pace=Pace(0.06, least=1, most=20),
    ),
    # Columns are mixed, and evened anew at each step: what need not be done again is to be noticed besides.
    "L3": Knobs(
        Shape(rows=800, columns=16, hidden=48, classes=5, apart=4.0, mixed=True), "anew.txt",
        Recipe("plain", 10, 0.2, 320), Recipe("adapt", 40, 0.03, 50), (), public=4,
        pace=Pace(0.06, least=1, most=20), reference_file="once.txt",
    ),
    # The recipe is good; that the weights can be worked out from how the rows of a class spread is to be noticed.
    "L4": Knobs(
        Shape(rows=800, columns=16, hidden=48, classes=5, apart=4.5, pairs=2, mixed=True), "anew.txt",
        Recipe("plain", 10, 0.5, 90), Recipe("plain", 10, 0.5, 90), (), public=4,
        pace=Pace(0.04, least=1, most=60), reference_file="computed.txt",
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Training:
    """The training of a level as a function to be made faster."""

    shape: Shape
    start: str
    reference: str
    name: str = "train"

    def cases(self, random: np.random.Generator, calls: int) -> Drawn:
        """So many fresh cases."""
        return rows.draw(random, self.shape, calls)


@dataclass(frozen=True, slots=True)
class Hidden:
    """What the grader knows."""

    training: Training
    pace: Pace
    #: Some of the public cases.
    public: Drawn
    #: What the fresh cases are drawn from.
    seed: bytes


def draw(seed: bytes, level: str, arm: str) -> World:
    """The world of a seed; the task has only the arm ``plain``."""
    knobs = LEVELS[level]
    shape = knobs.shape
    training = Training(
        shape, shape.program(knobs.start, knobs.file), shape.program(knobs.reference, knobs.reference_file)
    )
    public = training.cases(np.random.default_rng(_number(seed, "public")), knobs.public)
    shown = {**public.inputs, "test_x": public.test_x, "test_labels": public.test_labels}
    target = {"target": rows.TARGET, "layers": [shape.hidden, shape.classes]}
    files = [
        FileSpec("work/submission/train.py", training.start.encode()),
        FileSpec("task/examples.npz", npz(**shown)),
        FileSpec("task/target.json", json.dumps(target).encode()),
        FileSpec("task/recipes.json", _recipes(knobs.recipes, _number(seed, "recipes"))),
    ]
    return World(
        tuple(files), hidden=Hidden(training, knobs.pace, public.first(CHECKED), subseed(seed, "fresh"))
    )


def _recipes(recipes: tuple[Recipe, ...], seed: int) -> bytes:
    """The recipes in any order and under any names, one a line."""
    random = np.random.default_rng(seed)
    names = random.choice(WORDS, len(recipes), replace=False)
    order = random.permutation(len(recipes))
    named = {str(name): asdict(recipes[place]) for name, place in zip(names, order, strict=True)}
    return json.dumps(named, indent=1).encode()


def _number(seed: bytes, purpose: str) -> int:
    return int.from_bytes(subseed(seed, purpose))
