"""Runs small trials, fits how loss falls with width and steps, and shows what it expects at the target."""

import json
from itertools import product

import numpy as np
from client import SURVEY, TASK, losses

#: Tried for the rate, as powers of ten, in a run of this width.
RATES, WIDTH = [-3.0, -2.6, -2.2, -1.8, -1.4], 32
#: Width and thousandths of the budget that its run costs.
RUNS = [
    (16, 5),
    (16, 160),
    (32, 80),
    (64, 10),
    (64, 120),
    (128, 60),
    (256, 20),
    (256, 100),
    (512, 60),
    (1024, 50),
]
SHOWN = 4


def steps(width, thousandths):
    """Steps of a run of a width that costs so many thousandths of the budget."""
    return TASK["budget"] * TASK["unit"] * thousandths // 1000 // width


def best_rate():
    """The lowest point of the parabola through the losses of the rates about the best one."""
    found = losses([(WIDTH, steps(WIDTH, 30), 10**rate) for rate in RATES])
    i = min(max(int(np.argmin(found)), 1), len(RATES) - 2)
    bend, slope, _ = np.polyfit(RATES[i - 1 : i + 2], found[i - 1 : i + 2], 2)
    return 10 ** min(max(-slope / (2 * bend), RATES[0]), RATES[-1])


def terms(width, long, a, b):
    """The parts of the loss: floor, what width still leaves, what steps do; (n, 3)."""
    width, long = np.asarray(width, float), np.asarray(long, float)
    return np.column_stack([np.ones(len(width)), width**-a, long**-b])


def fitted(width, long, found):
    """The powers and sizes that fit the losses best: over a grid, then over a finer one about its best."""
    best = (np.inf, 0.35, 0.35, None)
    for reach, count in ((0.15, 16), (0.02, 21), (0.002, 21)):
        around = np.linspace(-reach, reach, count)
        for a, b in product(best[1] + around, best[2] + around):
            parts = terms(width, long, a, b)
            sizes = np.linalg.lstsq(parts, found, rcond=None)[0]
            error = np.sum((parts @ sizes - found) ** 2)
            if error < best[0]:
                best = (error, a, b, sizes)
    return best[1:]


def main():
    """Prints the widths that look best at the target, each with the loss that it should come to."""
    rate = best_rate()
    width, long = [w for w, _ in RUNS], [steps(*run) for run in RUNS]
    found = losses([(w, s, rate) for w, s in zip(width, long, strict=True)])
    a, b, sizes = fitted(width, long, np.array(found))
    SURVEY.write_text(json.dumps({"rate": rate, "lowest": min(found)}))
    widths = np.unique(np.round(np.geomspace(16, 1024, 31)).astype(int))
    expected = terms(widths, TASK["target"] * TASK["unit"] / widths, a, b) @ sizes
    for place, i in enumerate(np.argsort(expected)[:SHOWN]):
        print("behind" if place else "width", widths[i], f"loss {expected[i]:.2f}")


if __name__ == "__main__":
    main()
