"""Draws cases of a training: rows of classes that no plane parts, and the program that learns them.

Each class is two clouds of rows, on opposite sides of the origin, or several such pairs; every case has directions of
its own, so that no weights do for two cases. Columns may be mixed and moved. Needs numpy only.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

#: Cross-entropy on hidden rows, in nats, that a result must reach.
TARGET: Final = 0.35
TEST_ROWS: Final = 500
#: Where columns are mixed: the largest share of a direction over the smallest, and how far rows are moved.
STRETCHED: Final = 30.0
MOVED: Final = 2.0


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a training goes: rule ``plain``, ``push`` or ``adapt``, rows of a batch, rate, steps."""

    rule: str
    batch: int
    rate: float
    steps: int

    def line(self) -> str:
        """The line of the program that says so."""
        return f'RULE, BATCH, RATE, STEPS = "{self.rule}", {self.batch}, {self.rate}, {self.steps}'


@dataclass(frozen=True, slots=True)
class Shape:
    """Training rows of a case, columns, hidden units, classes."""

    rows: int
    columns: int
    hidden: int
    classes: int
    #: Distance of a cloud's middle from the origin; its rows lie around it with standard deviation 1.
    apart: float = 3.5
    #: Pairs of clouds of a class.
    pairs: int = 1
    #: Whether the columns are mixed, so that they are correlated and of different size.
    mixed: bool = False

    @property
    def size(self) -> int:
        """Entries of a result: two layers of weights with their offsets."""
        return (self.columns + 1) * self.hidden + (self.hidden + 1) * self.classes

    def program(self, recipe: Recipe, file: str = "train.txt") -> str:
        """The training program of a file, with a recipe."""
        text = Path(__file__).with_name(file).read_text()
        return text.replace("RECIPE", recipe.line()).replace("SIZES", f"{self.hidden}, {self.classes}")


@dataclass(frozen=True, slots=True)
class Drawn:
    """Drawn cases: ``x`` (cases, rows, columns), ``labels`` (cases, rows), ``seed`` (cases, 1); and test rows."""

    shape: Shape
    inputs: dict[str, npt.NDArray[Any]]
    test_x: Floats
    test_labels: npt.NDArray[np.int64]

    @property
    def size(self) -> int:
        """Entries of a result."""
        return self.shape.size

    def first(self, cases: int) -> "Drawn":
        """So many of the cases, the first ones."""
        inputs = {key: values[:cases] for key, values in self.inputs.items()}
        return Drawn(self.shape, inputs, self.test_x[:cases], self.test_labels[:cases])

    def losses(self, found: Floats) -> Floats:
        """Cross-entropy of each result, a row of ``found``, on its own case's test rows; infinite if none."""
        return np.array([
            loss(self.shape, weights, x, labels)
            for weights, x, labels in zip(found, self.test_x, self.test_labels, strict=True)
        ])  # fmt: skip

    def right(self, found: Floats) -> npt.NDArray[np.bool_]:
        """Whether each result reaches the target."""
        return self.losses(found) <= TARGET

    def remembered(self, found: Floats) -> bool:
        """Whether two cases have the same result, which no training gives."""
        return len(np.unique(found, axis=0)) < len(found)


def draw(random: np.random.Generator, shape: Shape, cases: int) -> Drawn:
    """So many cases."""
    drawn = [_case(random, shape) for _ in range(cases)]
    x, labels = (np.stack(values) for values in zip(*drawn, strict=True))
    inputs = {
        "x": x[:, : shape.rows], "labels": labels[:, : shape.rows],
        "seed": random.integers(2**31, size=(cases, 1)),
    }  # fmt: skip
    return Drawn(shape, inputs, x[:, shape.rows :], labels[:, shape.rows :])


def loss(shape: Shape, weights: Floats, x: Floats, labels: npt.NDArray[np.int64]) -> float:
    """Mean cross-entropy in nats of a result on rows; infinite where it has no value."""
    parts = np.split(
        weights, np.cumsum([shape.columns * shape.hidden, shape.hidden, shape.hidden * shape.classes])
    )
    first, last = parts[0].reshape(shape.columns, shape.hidden), parts[2].reshape(shape.hidden, shape.classes)
    with np.errstate(over="ignore", invalid="ignore"):
        scores = np.maximum(x @ first + parts[1], 0) @ last + parts[3]
        scores -= scores.max(axis=1, keepdims=True)
        value = float(np.mean(np.log(np.exp(scores).sum(axis=1)) - scores[np.arange(len(x)), labels]))
    return value if np.isfinite(value) else float("inf")


def _case(random: np.random.Generator, shape: Shape) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Training rows, then test rows, and their labels."""
    n, clouds = shape.rows + TEST_ROWS, shape.classes * shape.pairs
    directions = _turn(random, shape.columns)[:clouds]
    labels = random.integers(shape.classes, size=n)
    sides = random.choice([-1.0, 1.0], size=(n, 1))
    noise = random.normal(size=(n, shape.columns))
    pair = random.integers(shape.pairs, size=n) if shape.pairs > 1 else 0
    x = shape.apart * directions[labels + shape.classes * pair] * sides + noise
    if shape.mixed:
        shares = STRETCHED ** random.permutation(np.linspace(-0.5, 0.5, shape.columns))
        x = x @ (_turn(random, shape.columns) * shares @ _turn(random, shape.columns))
        x += random.normal(scale=MOVED, size=shape.columns)
    return x, labels


def _turn(random: np.random.Generator, columns: int) -> Floats:
    """An orthogonal matrix."""
    return np.linalg.qr(random.normal(size=(columns, columns)))[0]
