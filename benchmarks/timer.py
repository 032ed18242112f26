"""Runs in a box: times a command as the seed scaffold runs it, a bare program and a file opened to be written; prints milliseconds."""

import json
import os
import sys
import time
from collections.abc import Callable

sys.path.insert(0, "/agent")

from tools.shell import run

spans: dict[str, list[float]] = {}


def timed(what: str, act: Callable[[], object]) -> None:
    """Does it once."""
    began = time.perf_counter()
    act()
    spans.setdefault(what, []).append(round(1000 * (time.perf_counter() - began), 3))


for _ in range(int(sys.argv[1])):
    timed("command", lambda: run("echo 1 > out.txt", 20, 4000))
    timed("program", lambda: os.waitpid(os.posix_spawn("/bin/true", ["true"], os.environ), 0))
    timed("opening", lambda: os.close(os.open("/work/out.txt", os.O_WRONLY)))
print(json.dumps(spans))
