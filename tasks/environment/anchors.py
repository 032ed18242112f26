"""Runs the start and the reference in a box of their own, side by side: anchors.py NAME SIZE.

The first step tells the processor that they keep to. In each further one both are called on the cases of
/task/in.npz, over and over, until the host has laid /task/stop there; not at all if it laid /task/still there. Of
some calls after the other /task/told.json then says when they began and ended, what processor time they took and how
many they were. Nothing that was submitted runs here, so the processes' own clocks will do.
"""

import importlib.util
import json
import os
import runpy
import sys
import time

import numpy as np

GATE, CASES = runpy.run_path("/task/gate.py"), runpy.run_path("/task/cases.py")
STILL, STOP, TOLD = "/task/still", "/task/stop", "/task/told.json"
#: Processor seconds of the calls that are told of together, unless one takes longer.
TOGETHER = 0.002


def load(place, name):
    """The function NAME of /task/PLACE/NAME.py."""
    spec = importlib.util.spec_from_file_location(place, f"/task/{place}/{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, name)


def keep_to_one():
    """Stays on the processor that it runs on, and tells which."""
    with open("/proc/self/stat") as file:
        processor = int(file.read().rpartition(")")[2].split()[36])
    os.sched_setaffinity(0, {processor})
    tell(processor)


def calls(function, inputs):
    """Calls it until the host says so: began, ended, processor seconds, calls."""
    told, made, many = [], 0, 1
    while not told or not os.path.exists(STOP):
        began, before = time.time(), time.process_time()
        for case in CASES["each"](inputs, range(made, made + many)):
            CASES["result"](function, case)
        taken = time.process_time() - before
        told.append([began, time.time(), taken, many])
        made += many
        if taken < TOGETHER:
            many *= 2
    return told


def beside(function):
    """A process that calls it whenever it is told to: where to tell it, where it answers."""
    ask, go = os.pipe()
    answer, done = os.pipe()
    if not os.fork():
        os.close(go)
        os.close(answer)
        with open(done, "w") as out:
            while os.read(ask, 1):
                print(json.dumps(calls(function, CASES["inputs"]())), file=out, flush=True)
        os._exit(0)
    os.close(ask)
    os.close(done)
    return go, open(answer)


def tell(value):
    """Tells the host."""
    with open(TOLD, "w") as file:
        json.dump(value, file)


def main(name, size):
    """Measures for as long as the host asks."""
    start, reference = load("start", name), load("reference", name)
    GATE["leave_behind"]()
    with GATE["step"]():
        keep_to_one()
    go, answer = beside(start)
    while True:
        with GATE["step"]():
            inputs = CASES["inputs"]()
            if os.path.exists(STILL):
                os.unlink(STILL)
            else:
                os.write(go, b"0")
                told = calls(reference, inputs)
                tell({"reference": told, "start": json.loads(answer.readline())})
                os.unlink(STOP)
            np.save("/task/out.npy", np.zeros(len(inputs[0]) * size))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
