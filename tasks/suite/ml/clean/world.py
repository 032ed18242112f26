"""Draws a world of ml/clean."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from sandbox.files import FileSpec
from tasks.suite.ml.clean.environment import learner, rows
from tasks.world import World, subseed

#: level -> different training rows, audited rows, held-out rows.
ROWS: Final = {"L0": (1_800, 300, 4_000)}


@dataclass(frozen=True, slots=True)
class Hidden:
    """What the grader knows. Scores are accuracies of the frozen learner on the held-out rows."""

    drawn: rows.Drawn
    start: float
    reference: float


def draw(seed: bytes, level: str, arm: str) -> World:
    """The world of a seed; the task has only the arm ``plain``."""
    drawn = rows.draw(int.from_bytes(subseed(seed, "rows")), ROWS[level])
    files = (
        FileSpec("task/learner.py", Path(learner.__file__).read_bytes()),
        FileSpec("work/train.npz", rows.train_file(drawn)),
        FileSpec("work/audit.npz", rows.audit_file(drawn)),
        *(FileSpec(f"work/submission/{name}", data) for name, data in rows.start_files(drawn).items()),
    )
    whole = np.flatnonzero(drawn.whole)
    hidden = Hidden(
        drawn=drawn,
        start=accuracy(drawn, np.arange(len(drawn.given)), drawn.given),
        reference=accuracy(drawn, whole, drawn.train.labels[whole]),
    )
    return World(files, hidden=hidden)


def accuracy(drawn: rows.Drawn, indices: rows.Integers, labels: rows.Integers) -> float:
    """Held-out accuracy of the learner trained on the rows ``indices`` with ``labels``, each (n,)."""
    weights = learner.fit(drawn.train.x[indices], labels, rows.CLASSES)
    return float(np.mean(learner.predict(weights, drawn.heldout.x) == drawn.heldout.labels))
