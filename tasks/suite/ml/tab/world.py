"""Draws a world of ml/tab."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from sandbox.files import FileSpec
from tasks.suite.ml.tab import harder
from tasks.suite.ml.tab.environment import tables
from tasks.suite.ml.tab.harder import Knobs
from tasks.world import World, subseed

#: Rows of L0 for training, development and held-out material.
ROWS: Final = (4_000, 1_000, 4_000)
#: The levels above.
LEVELS: Final = {
    "L1": Knobs(rows=(4_000, 1_000, 4_000), noise=1.0, pairs=3, squares=1),
    "L2": Knobs(
        rows=(4_000, 1_000, 4_000), noise=1.0, pairs=4, squares=1, gates=2, failed=0.01, drift=0.7, drifting=4
    ),
    "L3": Knobs(
        rows=(3_000, 1_000, 4_000), noise=1.2, pairs=4, squares=2, gates=3, triples=1, failed=0.02, drift=1.0,
        drifting=6,
    ),
}  # fmt: skip
#: What describe.md says besides.
_MORE: Final = {
    "L1": """
# At this level
More than two pairs act together, and some columns by their square. `look.py` shows the strongest pairs
only, and `fit.py` knows no squares: `predict.py` and what it reads are yours to change.
""",
    "L2": """
# At this level
Several pairs act together, some columns by their square, and some only where another column lies above a
threshold. Some readings failed; what stands there instead is no reading. The hidden rows were taken later
than those of `train.npz`, when some columns had moved: `/work/later.npz` holds inputs (`x`) of that time.
""",
    "L3": """
# At this level
Up to three columns may act together, in whatever way. The hidden rows were taken later than those of
`train.npz`: `/work/later.npz` holds inputs (`x`) of that time. Look at the readings before you trust them.
""",
}
_DESCRIBE: Final = Path(tables.__file__).parent / "task/describe.md"


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
    number = int.from_bytes(subseed(seed, "table"))
    if level == "L0":
        table = tables.draw(number, ROWS)
        hidden = _hidden(table, lambda x: tables.engineered(table, x), tables.NOISE, subseed(seed, "order"))
        return World(_files(table), hidden=hidden)
    knobs = LEVELS[level]
    harder_table = harder.draw(number, knobs)
    hidden = _hidden(
        harder_table, lambda x: harder.engineered(harder_table, x), knobs.noise, subseed(seed, "order")
    )
    describe = _DESCRIBE.read_text() + _MORE[level]
    more = (
        FileSpec("task/describe.md", describe.encode()),
        FileSpec("work/later.npz", tables.npz(x=harder_table.later)),
    )
    return World((*_files(harder_table), *more[: 1 + bool(knobs.drift)]), hidden=hidden)


def _files(table: tables.Table | harder.Table) -> tuple[FileSpec, ...]:
    return (
        FileSpec("work/train.npz", tables.data_file(table.names, table.train)),
        FileSpec("work/dev.npz", tables.data_file(table.names, table.development)),
        FileSpec("work/submission/model.npz", tables.start_model(table.train)),
    )


def _hidden(
    table: tables.Table | harder.Table, engineered: Callable[[tables.Floats], tables.Floats], noise: float,
    seed: bytes,
) -> Hidden:  # fmt: skip
    train, heldout = table.train, table.heldout
    n = len(heldout.y) + len(table.development.y)
    reference = tables.ridge(engineered(train.x), train.y)
    return Hidden(
        heldout=heldout,
        development=table.development,
        order=np.random.default_rng(int.from_bytes(seed)).permutation(n),
        start_error=_error(heldout.x, heldout.y, tables.ridge(train.x, train.y)),
        reference_error=_error(engineered(heldout.x), heldout.y, reference),
        noise=noise,
    )


def _error(x: tables.Floats, y: tables.Floats, model: tuple[tables.Floats, float]) -> float:
    return float(np.sqrt(np.mean((x @ model[0] + model[1] - y) ** 2)))
