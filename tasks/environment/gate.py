"""Parts a timed program in the grading box into steps, each of which the host measures.

``leave_behind`` once what the program needs of its own is loaded: what started it then sees it end, while it
lives on in a child. Each ``step`` waits until the host, which has read the box's processor time, lets it go, and
its end tells the host to read again. Needs the standard library only.
"""

import os
from contextlib import contextmanager

GO, DONE = "/task/go", "/task/done"


def leave_behind():
    """Goes on in a child; the process that was started ends."""
    for path in (GO, DONE):
        if os.path.lexists(path):
            os.unlink(path)
        os.mkfifo(path)
    if os.fork():
        os._exit(0)
    null = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(null, stream)


@contextmanager
def step():
    """Begins when the host says so, and tells it of the end; one that raises ends without a word."""
    go = os.open(GO, os.O_RDONLY)
    os.read(go, 1)
    os.close(go)
    done = os.open(DONE, os.O_WRONLY)
    try:
        yield
        os.write(done, b"0\n")
    finally:
        os.close(done)
