"""Which process of a box a task of this host is, and where that came from."""

import contextlib
import fcntl
import os
from typing import Final, NamedTuple

#: Of ``/proc/PID/status``; what is looked for stands among its first lines.
_STATUS_BYTES: Final = 2_000
#: NS_GET_TGID_IN_PIDNS, from linux/nsfs.h; since Linux 6.11.
_NUMBER_IN: Final = 0x8004B709


class Origin(NamedTuple):
    """Where a process came from."""

    #: On this host.
    parent: int
    #: In clock ticks since the machine started: with its number, which process it is.
    started: int


class Numbers:
    """The numbers of the processes of one box, asked of the kernel, or read where it is too old for that."""

    def __init__(self, task: int) -> None:
        """``task``: any of the box, by its number on this host."""
        #: The pid namespaces of the box and of this process; empty where nothing can be asked.
        self._spaces: list[int] = []
        with contextlib.suppress(OSError):
            for one in (task, "self"):
                self._spaces.append(os.open(f"/proc/{one}/ns/pid", os.O_RDONLY | os.O_CLOEXEC))
            fcntl.ioctl(self._spaces[1], _NUMBER_IN, os.getpid())
            return
        self.close()

    def close(self) -> None:
        """From now on everything is read."""
        while self._spaces:
            os.close(self._spaces.pop())

    def in_box(self, task: int) -> int:
        """The number in the box of the process that a task belongs to.

        Raises:
            OSError: it is gone.
        """
        return fcntl.ioctl(self._spaces[0], _NUMBER_IN, task) if self._spaces else number_in_box(task)

    def on_host(self, task: int) -> int:
        """The number on this host of the process that a task belongs to.

        Raises:
            OSError: it is gone.
        """
        return fcntl.ioctl(self._spaces[1], _NUMBER_IN, task) if self._spaces else int(_status(task, b"Tgid"))


def number_in_box(task: int) -> int:
    """The number in its box of the process that a task belongs to.

    Raises:
        OSError: it is gone.
    """
    return int(_status(task, b"NStgid").split()[-1])


def origin(process: int) -> Origin:
    """
    Raises:
        OSError: it is gone.
    """
    # Fields after the name in brackets: state, ppid, …; the 20th is the start.
    fields = _file(f"/proc/{process}/stat").rpartition(b")")[2].split()
    return Origin(int(fields[1]), int(fields[19]))


def _status(task: int, name: bytes) -> bytes:
    return _file(f"/proc/{task}/status").partition(b"\n" + name + b":\t")[2].partition(b"\n")[0]


def _file(path: str) -> bytes:
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(file, _STATUS_BYTES)
    finally:
        os.close(file)
