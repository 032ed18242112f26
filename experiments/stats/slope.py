"""Whether a series has begun to rise faster: its newest value against the line through those before it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

#: Values that the line goes through: "the last six checkpoints" of the policy levels.
BEFORE: Final = 6
_NO_SPREAD: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Rise:
    """How many standard errors a value lies above the line; ``cause`` says why ``errors`` is None."""

    errors: float | None
    cause: str | None = None


def rise(steps: Sequence[float], values: Sequence[float]) -> Rise:
    """The last value against the least-squares line through the six before it.

    The error is that of a new value about such a line: s·√(1 + 1/6 + (x − x̄)²/Σ(xᵢ − x̄)²), s with four degrees
    of freedom (any textbook of linear regression). Without a change it exceeds 2 with a chance of 5.8 %.

    Args:
        steps: ascending, one for each value.
        values: of the series.
    """
    if len(values) <= BEFORE:
        return Rise(None, f"fewer than {BEFORE + 1} checkpoints so far")
    x, y = np.array(steps[-BEFORE - 1 :], dtype=float), np.array(values[-BEFORE - 1 :], dtype=float)
    away = x[:-1] - x[:-1].mean()
    spread = float(away @ away)
    slope = float(away @ y[:-1]) / spread
    residual = y - y[:-1].mean() - slope * (x - x[:-1].mean())
    s = math.sqrt(float(residual[:-1] @ residual[:-1]) / (BEFORE - 2))
    if s <= _NO_SPREAD:
        return Rise(None, f"the {BEFORE} checkpoints before lie on one line, which has no standard error")
    reach = math.sqrt(1 + 1 / BEFORE + float(x[-1] - x[:-1].mean()) ** 2 / spread)
    return Rise(float(residual[-1]) / (s * reach))
