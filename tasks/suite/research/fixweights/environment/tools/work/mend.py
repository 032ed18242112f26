"""Takes damage of a kind back: mend.py LAYER KIND."""

import sys
from pathlib import Path

import network
import numpy as np

WORK = Path(__file__).parent
TASK = WORK.parent / "task"
MODEL, LAYERS = WORK / "model", TASK / "layers.txt"
KINDS = ("permuted", "flipped", "scaled")


def correction(kind, was, now):
    """The order of the units and a factor for each that undo damage; was, now: (means, spreads)."""
    units = np.arange(len(was[0]))
    if kind == "permuted":
        far = sum(abs(a[:, None] - b) for a, b in zip(was, now, strict=True))
        return far.argmin(axis=1), np.ones(len(units))
    if kind == "flipped":
        return units, np.where(was[0] * now[0] < 0, -1.0, 1.0)
    return units, was[1] / np.maximum(now[1], 1e-12)


def measured(statistics, name):
    """Means and spreads of a layer's totals."""
    return statistics[f"{name}.mean"], np.sqrt(np.diag(statistics[f"{name}.covariance"]))


def statistics():
    """What the layers did, and what they do now."""
    with np.load(TASK / "recorded.npz", allow_pickle=False) as recorded:
        return dict(recorded), network.record(network.load(MODEL, LAYERS), np.load(WORK / "inputs.npy"))


def main(name, kind):
    """Replaces a layer's matrix."""
    names = LAYERS.read_text().split()
    if name not in names or kind not in KINDS:
        raise SystemExit(f"the layers are {' '.join(names)}; the kinds are {' '.join(KINDS)}")
    was, now = (measured(found, name) for found in statistics())
    order, factor = correction(kind, was, now)
    matrix = np.load(MODEL / f"{name}.npy")
    np.save(MODEL / f"{name}.npy", matrix[order] * factor[:, None])
    print("mended", name)


if __name__ == "__main__":
    main(*sys.argv[1:3])
