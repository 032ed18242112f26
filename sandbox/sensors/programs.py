"""The start of a program: who starts which.

The one call that a program's pace hangs on, and rare enough to find this process's own code out of the processor's
caches, which makes it several times as slow: so it is looked at in few functions.
"""

import os
from typing import Any

from sandbox.sensors import memory
from sandbox.sensors.paths import AT_CWD, named
from sandbox.sensors.proc import READING, Numbers
from sandbox.sensors.seccomp import Held


def program(held: Held, numbers: Numbers) -> dict[str, Any]:
    """Data of ``process.exec`` for a held ``execve``; the path and the arguments are None where they may not be read.

    Raises:
        OSError: the caller is gone.
    """
    place = pid, directory, proc = numbers.place(held.caller)
    path: str | None
    argv: list[str] | None
    try:
        # Through the same /proc as its origin, since each that shows a process has to make its files first.
        file = os.open(f"{directory}/mem", READING, dir_fd=proc)
        try:
            path, argv = memory.text(file, held.arguments[0]), memory.words(file, held.arguments[1])
        finally:
            os.close(file)
        if path and path[0] != "/":
            path = named(held.caller, AT_CWD, path, follow=True)
    except OSError:
        path, argv = None, None
    parent, started = numbers.origin(place)
    return {"pid": pid, "started": started, "path": path, "argv": argv, "ppid": parent or None}
