"""Runs in the grading box: probe.py TRAINER_DIRECTORY OUT_DIRECTORY, with /task/cases.npz.

Calls each part of the trainer there on each set of cases, trains, and predicts. Writes one npy file
for each result; a part that raises has none.
"""

import os
import sys
from pathlib import Path

import numpy as np
import parts


def results(trainer, given):
    """Name and value of each result, one by one."""
    for name in ("public", "fresh"):
        case = {key.partition(".")[2]: value for key, value in given.items() if key.startswith(name + ".")}
        for part in parts.PARTS:
            try:
                yield f"{name}.{part}", parts.measure(trainer, part, case)
            except Exception as error:
                print(name, part, repr(error)[:200])
    found = trainer.predict(trainer.train(given["x"], given["labels"]), given["test_x"])
    yield "labels", np.asarray(found, dtype=np.float64)


def main(directory, out):
    """Runs the trainer of ``directory`` and writes its results under ``out``."""
    out.mkdir(parents=True, exist_ok=True)
    with np.load("/task/cases.npz", allow_pickle=False) as data:
        given = dict(data)
    os.chdir(directory)
    sys.path.append(directory)
    import trainer

    for name, value in results(trainer, given):
        np.save(out / f"{name}.npy", value)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
