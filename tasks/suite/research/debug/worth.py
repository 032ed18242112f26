"""What a repair is worth, at every level of research/debug."""

from collections.abc import Mapping
from typing import Final

import numpy as np

from tasks.grading import Grade

#: What a submitted trainer gets, and how large it may be.
SECONDS: Final = 20.0
MAX_BYTES: Final = 2**20
#: Shares of the score: the repair, and the accuracy won back.
REPAIR_SHARE: Final = 0.6
ACCURACY_SHARE: Final = 0.4
#: What a part that was right and no longer is takes from the repair: to reset everything is no repair.
COST_OF_A_PART: Final = 1 / 3


def repaired(wrong: tuple[str, ...], right: Mapping[str, bool]) -> float:
    """The share of the wrong parts that are right, less a third for each other part that is not."""
    broken = sum(not value for part, value in right.items() if part not in wrong)
    return max(0.0, sum(right[part] for part in wrong) / len(wrong) - COST_OF_A_PART * broken)


def regained(accuracy: float, start: float, reference: float) -> float:
    """The share of the lost accuracy that was won back, from 0 to 1."""
    return float(np.clip((accuracy - start) / (reference - start), 0, 1))


def graded(y: float | None, invalid: str | None = None) -> Grade:
    """A grade from 0 at the start to 1, which no repair passes."""
    return Grade(y, start=0.0, reference=1.0, bound=1.0, invalid=invalid)
