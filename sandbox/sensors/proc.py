"""What this host's /proc says of a process of a box."""

import os
from typing import Final, NamedTuple

#: Of ``/proc/PID/status``; what is looked for stands among its first lines.
_STATUS_BYTES: Final = 2_000


class Who(NamedTuple):
    """A task's process, of which it may be any thread."""

    #: In its box.
    pid: int
    #: On this host, like ``parent``.
    process: int
    parent: int


def look_up(task: int) -> Who:
    """
    Raises:
        OSError: it is gone.
    """
    text = _file(f"/proc/{task}/status")
    return Who(
        int(_field(text, b"NStgid").split()[-1]), int(_field(text, b"Tgid")), int(_field(text, b"PPid"))
    )


def started(process: int) -> int:
    """When a process started, in clock ticks since the machine did: with its number, which one it is.

    Raises:
        OSError: it is gone.
    """
    # Fields after the name in brackets: state, ppid, …; the 20th is the start.
    return int(_file(f"/proc/{process}/stat").rpartition(b")")[2].split()[19])


def _file(path: str) -> bytes:
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(file, _STATUS_BYTES)
    finally:
        os.close(file)


def _field(status: bytes, name: bytes) -> bytes:
    return status.partition(b"\n" + name + b":\t")[2].partition(b"\n")[0]
