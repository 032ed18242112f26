"""Compares what each layer does with what it did, and names the damage of the first that differs."""

import numpy as np
from mend import KINDS, correction, measured, statistics


def left_over(kind, was, now):
    """How far means and spreads are still from the recorded ones after the correction."""
    order, factor = correction(kind, was, now)
    return abs(now[0][order] * factor - was[0]).max() + abs(now[1][order] * abs(factor) - was[1]).max()


recorded, current = statistics()
found = False
for name in (key.partition(".")[0] for key in recorded if key.endswith(".mean")):
    was, now = measured(recorded, name), measured(current, name)
    if found:
        print("layer", name, "follows")
    elif np.allclose(was, now, atol=1e-6):
        print("layer", name, "agrees")
    else:
        found = True
        print("layer", name, min(KINDS, key=lambda kind: left_over(kind, was, now)))
