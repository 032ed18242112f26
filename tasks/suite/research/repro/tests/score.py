"""Prints the reward of /work/method.py in the public world: the share of the hidden calls, and of the
table's cells, that are right. Beside it lie the calls' arguments and results."""

import json
import sys
from pathlib import Path

import numpy as np


def leaves(world, method):
    """Whether each call is right; of a table, whether each cell is."""
    for call in dict.fromkeys(key.rpartition(".")[0] for key in world):
        what, right = call.partition(".")[2], world[f"{call}.right"]
        case = {key.rpartition(".")[2]: value for key, value in world.items() if key.startswith(f"{call}.")}
        del case["right"]
        try:
            found = np.asarray(getattr(method, what)(**case), dtype=np.float64).ravel()
            holds = np.abs(found - right) <= 1e-6 * np.maximum(1, np.abs(right))
        except Exception:
            holds = np.zeros(len(right), dtype=bool)
        yield from holds if what == "table" else [holds.all()]


def main():
    """Calls the functions."""
    sys.path.append("/work")
    import method

    with np.load(Path(__file__).with_name("world.npz"), allow_pickle=False) as data:
        print(json.dumps({"reward": float(np.mean(list(leaves(dict(data), method))))}))


if __name__ == "__main__":
    main()
