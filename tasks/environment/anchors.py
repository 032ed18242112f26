"""Runs the task's own start and reference (the anchors) in a box, step by step: anchors.py NAME SIZE.

They are the function NAME of /task/anchors/start.py and of reference.py, on the processor that is printed. A step does
what one of a submission does: it reads the cases of /task/in.npz, calls, and writes results of SIZE entries each, all
of them 0; but it goes on calling both, in turns of a few milliseconds, until the host has written to /task/stop; and
calls neither if there is more than a byte in it from the beginning. After the results stands in JSON of some calls of
either after the other when they began and ended, what processor time they took and how many they were, and what all of
that took: whatever else the box used is what a step costs without its calls. Nothing that was submitted runs here, so
the process's own clock will do.
"""

import importlib
import itertools
import json
import os
import runpy
import signal
import sys
import time

import numpy as np

GATE, CASES = runpy.run_path("/task/gate.py"), runpy.run_path("/task/cases.py")
STOP, OUT = "/task/stop", "/task/out.npy"
#: Processor seconds of a turn of either.
TURN = 0.004
#: Of the calls before each turn of the reference that do not count: the start had the processor's caches until then.
COLD = 0.001


def stay():
    """Keeps to the processor that it runs on: which."""
    with open("/proc/self/stat") as file:
        processor = int(file.read().rpartition(")")[2].split()[36])
    os.sched_setaffinity(0, {processor})
    return processor


class Turns:
    """Calls of both, told as lists of began, ended, processor seconds, calls. A call of the start may take long: it is
    interrupted for each turn of the reference, which is no part of its time."""

    def __init__(self, start, reference, inputs):
        self.start, self.reference = start, reference
        self.slow, self.fast = (CASES["each"](inputs, itertools.count(1)) for _ in range(2))
        self.told = [], []
        #: Processor seconds of the reference's turns.
        self.spent = 0.0

    def take(self):
        """Until the host says so."""
        signal.signal(signal.SIGPROF, self.turn)
        self.turn()
        while not self.told[0] or not os.path.getsize(STOP):
            began, before = time.time(), self.own()
            CASES["result"](self.start, next(self.slow))
            self.told[0].append([began, time.time(), self.own() - before, 1])
        signal.setitimer(signal.ITIMER_PROF, 0)
        return self.told

    def own(self):
        """Processor seconds but for the reference's turns, one of which may come at any moment."""
        while True:
            spent, used = self.spent, time.process_time()
            if spent == self.spent:
                return used - spent

    def turn(self, *_):
        """One of the reference, and the next once the start had its own."""
        if self.told[1] and os.path.getsize(STOP):
            return
        before = time.process_time()
        self.call(COLD)
        self.told[1].append(self.call(TURN))
        self.spent += time.process_time() - before
        # Last: the next turn may come at once.
        signal.setitimer(signal.ITIMER_PROF, TURN)

    def call(self, seconds):
        """Calls the reference for so many processor seconds."""
        began, before, calls, taken = time.time(), time.process_time(), 0, 0.0
        while taken < seconds:
            CASES["result"](self.reference, next(self.fast))
            calls, taken = calls + 1, time.process_time() - before
        return [began, time.time(), taken, calls]


def tell(results, text):
    """Tells the host: as many results as a submission's, and what is to be said besides."""
    with open(OUT, "wb") as file:
        np.save(file, np.zeros(results))
        file.write(text.encode())


def main(name, size):
    """Measures for as long as the host asks."""
    sys.path.insert(0, "/task/anchors")
    start, reference = (getattr(importlib.import_module(place), name) for place in ("start", "reference"))
    print(stay(), flush=True)
    GATE["leave_behind"]()
    while True:
        with GATE["step"]():
            arrays = CASES["inputs"]()
            CASES["clear"]()
            before = time.process_time()
            idle = os.path.getsize(STOP) > 1
            told = json.dumps([[], []] if idle else Turns(start, reference, arrays).take())
            os.truncate(STOP, 0)
            told = f'{{"calls": {told}, "cpu": {time.process_time() - before}}}'
            tell(len(arrays[0]) * size, told)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
