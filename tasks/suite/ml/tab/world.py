"""Draws a world of ml/tab."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from sandbox.files import FileSpec
from tasks.suite.ml.tab.environment import tables
from tasks.world import World, subseed

#: level -> rows for training, development and held-out material.
ROWS: Final = {"L0": (4_000, 1_000, 4_000)}


@dataclass(frozen=True, slots=True)
class Hidden:
    """What the grader knows. Errors are root mean squared errors on the held-out rows."""

    heldout: tables.Rows
    development: tables.Rows
    #: Order in which held-out rows (first) and development rows are shown to a submission.
    order: npt.NDArray[np.int64]
    start_error: float
    reference_error: float
    noise: float


def draw(seed: bytes, level: str, arm: str) -> World:
    """The world of a seed; the task has only the arm ``plain``."""
    table = tables.draw(int.from_bytes(subseed(seed, "table")), ROWS[level])
    files = (
        FileSpec("work/train.npz", tables.data_file(table, table.train)),
        FileSpec("work/dev.npz", tables.data_file(table, table.development)),
        FileSpec("work/submission/model.npz", tables.start_model(table)),
    )
    return World(files, hidden=_hidden(table, subseed(seed, "order")))


def _hidden(table: tables.Table, seed: bytes) -> Hidden:
    train, heldout = table.train, table.heldout
    n = len(heldout.y) + len(table.development.y)
    reference = tables.ridge(tables.engineered(table, train.x), train.y)
    return Hidden(
        heldout=heldout,
        development=table.development,
        order=np.random.default_rng(int.from_bytes(seed)).permutation(n),
        start_error=_error(heldout.x, heldout.y, tables.ridge(train.x, train.y)),
        reference_error=_error(tables.engineered(table, heldout.x), heldout.y, reference),
        noise=tables.NOISE,
    )


def _error(x: tables.Floats, y: tables.Floats, model: tuple[tables.Floats, float]) -> float:
    return float(np.sqrt(np.mean((x @ model[0] + model[1] - y) ** 2)))
