"""Shows the loops of the kernel, slowest first: python3 look.py."""

import sys
from collections import Counter
from types import FunctionType

import numpy as np

#: A loop that takes less than this share of the lines is fast.
SHARE = 0.1


def lines_run(kernel, x):
    """Function name -> lines that it runs in a call of ``kernel`` on x."""
    count = Counter()

    def trace(frame, event, argument):
        if event == "line":
            count[frame.f_code.co_name] += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        kernel(x)
    finally:
        sys.settrace(before)
    return count


def main():
    """Prints for each loop: slow or fast, its name, its form."""
    sys.dont_write_bytecode = True
    sys.path.insert(0, "/work/submission")
    import kernel

    with np.load("/task/examples.npz", allow_pickle=False) as data:
        count = lines_run(kernel.kernel, data["x"][0][:60])
    loops = [loop for loop in vars(kernel).values() if isinstance(loop, FunctionType)]
    loops = [loop for loop in loops if loop.__module__ == "kernel" and loop.__name__ != "kernel"]
    for loop in sorted(loops, key=lambda loop: -count[loop.__name__]):
        slow = count[loop.__name__] > SHARE * sum(count.values())
        form = (loop.__doc__ or "unknown").split(":")[0]
        print("slow" if slow else "fast", loop.__name__, form)


if __name__ == "__main__":
    main()
