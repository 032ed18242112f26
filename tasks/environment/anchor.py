"""Runs the task's own start or reference in a box of its own, step by step: anchor.py NAME SIZE [PROCESSOR].

The first step tells the processor that it keeps to. Each further one does what a step of a submission does: it reads
the cases of /task/in.npy, calls the function NAME on them, and writes results of SIZE entries each, all of them 0;
but it goes on calling, over and over, until the host has written to /task/stop; and not at all if there is more than
a byte in it from the beginning. After the results stands in JSON of some calls after the other when they began and
ended, what processor time they took and how many they were, and what all of that took: whatever else the box used is
what a step costs without its calls. Nothing that was submitted runs here, so the process's own clock will do.
"""

import importlib
import itertools
import json
import os
import runpy
import sys
import time

import numpy as np

GATE, CASES = runpy.run_path("/task/gate.py"), runpy.run_path("/task/cases.py")
STOP, OUT = "/task/stop", "/task/out.npy"
#: Processor seconds of the calls that are told of together, unless one takes longer.
TOGETHER = 0.002


def keep_to(processor):
    """Stays on a processor, if none is given on the one that it runs on: which."""
    if processor is None:
        with open("/proc/self/stat") as file:
            processor = int(file.read().rpartition(")")[2].split()[36])
    os.sched_setaffinity(0, {processor})
    return processor


def calls(function, inputs):
    """Calls it until the host says so: began, ended, processor seconds, calls."""
    told, many, cases = [], 1, CASES["each"](inputs, itertools.count(1))
    while not told or not os.path.getsize(STOP):
        began, before = time.time(), time.process_time()
        for case in itertools.islice(cases, many):
            CASES["result"](function, case)
        taken = time.process_time() - before
        told.append([began, time.time(), taken, many])
        if taken < TOGETHER:
            many *= 2
    return told


def tell(results, text):
    """Tells the host: as many results as a submission's, and what is to be said besides."""
    with open(OUT, "wb") as file:
        np.save(file, np.zeros(results))
        file.write(text.encode())


def main(name, size, processor=None):
    """Measures for as long as the host asks."""
    sys.path.insert(0, "/task/submission")
    function = getattr(importlib.import_module(name), name)
    GATE["leave_behind"]()
    with GATE["step"]():
        tell(1, str(keep_to(processor)))
    while True:
        with GATE["step"]():
            arrays = CASES["inputs"]()
            CASES["clear"]()
            before = time.process_time()
            idle = os.path.getsize(STOP) > 1
            told = json.dumps([] if idle else calls(function, arrays))
            os.truncate(STOP, 0)
            told = f'{{"calls": {told}, "cpu": {time.process_time() - before}}}'
            tell(len(arrays[0]) * size, told)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), *map(int, sys.argv[3:]))
