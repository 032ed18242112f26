"""Tests the parts that have a worked example in /task/examples.npz."""

import importlib
import sys
from pathlib import Path

import numpy as np

TASK = Path(__file__).parent.parent / "task"


def main():
    """Prints for each such part: its name, and right, wrong or fails."""
    # A file that was edited twice within a second must not come out of a cache.
    sys.dont_write_bytecode = True
    sys.path.append(str(TASK))
    import checks

    with np.load(TASK / "examples.npz", allow_pickle=False) as data:
        examples = dict(data)
    for part in dict.fromkeys(key.partition(".")[0] for key in examples):
        prefix = f"{part}."
        case = {key[len(prefix) :]: value for key, value in examples.items() if key.startswith(prefix)}
        right = case.pop("right")
        try:
            found = checks.measure(getattr(importlib.import_module(checks.WHERE[part]), part), part, case)
        except Exception as error:
            print(part, "fails", type(error).__name__)
        else:
            print(part, "right" if checks.same(part, found, right) else "wrong")


if __name__ == "__main__":
    main()
