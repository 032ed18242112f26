"""Times the start and the reference in a box of their own, step by step: anchors.py NAME START_CALLS.

The first step does nothing. Each further one calls the start on the first cases of /task/in.npz, the reference on
all, and tells in /task/told.json the processor seconds: of a call of each, and of all calls. Nothing that was
submitted runs here, so the process's own clock will do.
"""

import importlib.util
import json
import runpy
import sys
import time

import numpy as np

GATE = runpy.run_path("/task/gate.py")


def load(place, name):
    """The function NAME of /task/PLACE/NAME.py."""
    spec = importlib.util.spec_from_file_location(place, f"/task/{place}/{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, name)


def timed(function, inputs):
    """Results of every case, and the seconds that they took."""
    before = time.process_time()
    results = [np.array(function(*case), dtype=np.float64).ravel() for case in zip(*inputs, strict=True)]
    return results, time.process_time() - before


def measure(start, reference, start_calls):
    """One step."""
    with np.load("/task/in.npz", allow_pickle=False) as data:
        inputs = [data[name] for name in data.files]
    _, slow = timed(start, [values[:start_calls] for values in inputs])
    results, fast = timed(reference, inputs)
    np.save("/task/out.npy", np.concatenate(results))
    told = {"start": slow / start_calls, "reference": fast / len(results), "calls": slow + fast}
    with open("/task/told.json", "w") as file:
        json.dump(told, file)


def main(name, start_calls):
    """Measures for as long as the host asks."""
    start, reference = load("start", name), load("reference", name)
    GATE["leave_behind"]()
    with GATE["step"]():
        pass
    while True:
        with GATE["step"]():
            measure(start, reference, start_calls)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
