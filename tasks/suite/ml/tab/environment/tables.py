"""Draws a table: numeric columns, codes, and pairs of columns that act by their product.

Needs numpy only. Run as a program it lays out the public development world of the Dockerfile:
``python3 tables.py DIRECTORY``.
"""

import io
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

#: Column names; a closed vocabulary of plain words.
WORDS: Final = (
    "heat", "flow", "mass", "tilt", "site", "lane", "wind", "salt", "depth", "load", "speed", "force",
    "light", "noise", "width", "angle", "grain", "charge", "wave", "pulse", "ridge", "slope", "crest",
    "drift", "sand", "clay", "stone", "frost", "cloud", "rain", "tide", "current", "port", "shift",
    "batch", "line", "plant", "crew", "rate", "gain",
)  # fmt: skip
COLUMNS: Final = 22
CODE_VALUES: Final = 6
#: Standard deviations of the target's parts.
NOISE: Final = 1.0
CODE_EFFECT: Final = 1.4
CROSS_EFFECT: Final = 2.4
LINEAR_EFFECT: Final = 1.5


@dataclass(frozen=True, slots=True)
class Rows:
    """``x`` of shape (n, 22) and ``y`` of shape (n,)."""

    x: Floats
    y: Floats


@dataclass(frozen=True, slots=True)
class Table:
    """A drawn table: which columns are codes and pairs, and three independent samples of it."""

    names: tuple[str, ...]
    codes: tuple[int, ...]
    crosses: tuple[tuple[int, int], ...]
    train: Rows
    development: Rows
    heldout: Rows


def draw(seed: int, rows: tuple[int, int, int]) -> Table:
    """The table of a seed, with so many rows for training, development and held-out material."""
    random = np.random.default_rng(seed)
    names = tuple(WORDS[i] for i in random.permutation(len(WORDS))[:COLUMNS])
    order = [int(i) for i in random.permutation(COLUMNS)]
    codes, numbers = order[:2], order[2:]
    crosses = ((numbers[0], numbers[1]), (numbers[2], numbers[3]))
    effects = random.normal(size=(2, CODE_VALUES))
    effects -= effects.mean(axis=1, keepdims=True)
    effects *= CODE_EFFECT / effects.std(axis=1, keepdims=True)
    slopes = random.normal(size=len(numbers))
    slopes *= LINEAR_EFFECT / np.linalg.norm(slopes)
    signs = random.choice([-1.0, 1.0], size=2)

    def sample(n: int) -> Rows:
        x = random.normal(size=(n, COLUMNS))
        x[:, codes] = random.integers(CODE_VALUES, size=(n, 2))
        y = x[:, numbers] @ slopes + random.normal(scale=NOISE, size=n)
        for (a, b), sign in zip(crosses, signs, strict=True):
            y += CROSS_EFFECT * sign * x[:, a] * x[:, b]
        for code, effect in zip(codes, effects, strict=True):
            y += effect[x[:, code].astype(int)]
        return Rows(x, y)

    train, development, heldout = (sample(n) for n in rows)
    return Table(names, tuple(codes), crosses, train, development, heldout)


def ridge(x: Floats, y: Floats) -> tuple[Floats, float]:
    """Coefficients and intercept of ridge regression with penalty 1 on all but the intercept.

    The minimiser of |y - xb - c|^2 + |b|^2, as scikit-learn's ``Ridge(alpha=1.0)`` gives it.
    """
    centre, mean = x.mean(axis=0), float(y.mean())
    inputs = x - centre
    coefficients = np.linalg.solve(inputs.T @ inputs + np.eye(x.shape[1]), inputs.T @ (y - mean))
    return coefficients, mean - float(centre @ coefficients)


def engineered(table: Table, x: Floats) -> Floats:
    """The inputs of the reference model: numbers, products of the pairs, indicators of the codes."""
    products = [x[:, a] * x[:, b] for a, b in table.crosses]
    indicators = [x[:, code] == value for code in table.codes for value in range(CODE_VALUES)]
    return np.column_stack([np.delete(x, table.codes, axis=1), *products, *indicators]).astype(np.float64)


def data_file(names: tuple[str, ...], rows: Rows) -> bytes:
    """An npz with names, x and y."""
    return npz(names=np.array(names), x=rows.x, y=rows.y)


def start_model(train: Rows) -> bytes:
    """The model.npz that lies in /work/submission at the start: ridge on the columns as they are."""
    coefficients, intercept = ridge(train.x, train.y)
    none = np.zeros(0, dtype=np.int64)
    return npz(
        codes=none, crosses=none.reshape(0, 2), coefficients=coefficients, intercept=np.array(intercept)
    )


def npz(**arrays: Any) -> bytes:
    """The bytes of an npz file; the same arrays give the same bytes."""
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def lay_out_public(directory: Path) -> None:
    """Writes the public development world under ``directory``."""
    table = draw(0, (4_000, 1_000, 4_000))
    (directory / "train.npz").write_bytes(data_file(table.names, table.train))
    (directory / "dev.npz").write_bytes(data_file(table.names, table.development))
    (directory / "submission/model.npz").write_bytes(start_model(table.train))


if __name__ == "__main__":
    lay_out_public(Path(sys.argv[1]))
