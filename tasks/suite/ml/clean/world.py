"""Draws a world of ml/clean."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from sandbox.files import FileSpec
from tasks.suite.ml.clean import harder
from tasks.suite.ml.clean.environment import learner, rows
from tasks.suite.ml.clean.harder import Knobs
from tasks.world import World, subseed

#: Different training rows, audited rows and held-out rows of L0.
ROWS: Final = (1_800, 300, 4_000)
#: The levels above.
LEVELS: Final = {
    "L1": Knobs(rows=(1_800, 120, 4_000), swapped=0.65, flipped=0.1),
    "L2": Knobs(rows=(1_800, 80, 4_000), swapped=0.65, flipped=0.2, stuck=0.06, stray=0.04),
    "L3": Knobs(
        rows=(1_800, 60, 4_000), swapped=0.65, flipped=0.3, stuck=0.08, stray=0.06, jittered=True, most=900
    ),
}
#: What describe.md says besides.
_MORE: Final = {
    "L1": """
# At this level
Besides, some rows of every class bear any other label. The tools know of swaps only; what is submitted is
yours to choose.
""",
    "L2": """
# At this level
Besides, some rows of every class bear any other label, another column is stuck in some rows, and some rows
are none at all. The tools know nothing of it; what is submitted is yours to choose.
""",
    "L3": """
# At this level
More is wrong than is said above, and the tools do not show it: look at the rows yourself. The learner takes
the first 900 rows of a submission and no more; their order is yours to choose.
""",
}
_DESCRIBE: Final = Path(rows.__file__).parent / "task/describe.md"


@dataclass(frozen=True, slots=True)
class Hidden:
    """What the grader knows. Scores are accuracies of the frozen learner on the held-out rows."""

    drawn: rows.Drawn
    start: float
    reference: float
    #: Rows of a submission that are learned from, the first ones.
    most: int


def draw(seed: bytes, level: str, arm: str) -> World:
    """The world of a seed; the task has only the arm ``plain``."""
    number = int.from_bytes(subseed(seed, "rows"))
    knobs = LEVELS.get(level)
    drawn = rows.draw(number, ROWS) if knobs is None else harder.draw(number, knobs)
    most = len(drawn.given) if knobs is None else knobs.most
    files = [
        FileSpec("task/learner.py", Path(learner.__file__).read_bytes()),
        FileSpec("work/train.npz", rows.train_file(drawn)),
        FileSpec("work/audit.npz", rows.audit_file(drawn)),
        *(FileSpec(f"work/submission/{name}", data) for name, data in rows.start_files(drawn).items()),
    ]
    if level in _MORE:
        files.append(FileSpec("task/describe.md", (_DESCRIBE.read_text() + _MORE[level]).encode()))
    whole = np.flatnonzero(drawn.whole)
    hidden = Hidden(
        drawn=drawn,
        start=accuracy(drawn, np.arange(len(drawn.given))[:most], drawn.given[:most]),
        reference=accuracy(drawn, whole[:most], drawn.train.labels[whole[:most]]),
        most=most,
    )
    return World(tuple(files), hidden=hidden)


def accuracy(drawn: rows.Drawn, indices: rows.Integers, labels: rows.Integers) -> float:
    """Held-out accuracy of the learner trained on the rows ``indices`` with ``labels``, each (n,)."""
    weights = learner.fit(drawn.train.x[indices], labels, rows.CLASSES)
    return float(np.mean(learner.predict(weights, drawn.heldout.x) == drawn.heldout.labels))
