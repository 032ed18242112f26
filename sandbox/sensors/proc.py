"""Which process of a box a task of this host is, and where that came from."""

import contextlib
import fcntl
import os
from typing import Final, NamedTuple

#: Of ``/proc/PID/status``; what is looked for stands among its first lines.
_STATUS_BYTES: Final = 2_000
#: NS_GET_TGID_IN_PIDNS, from linux/nsfs.h; since Linux 6.11.
_NUMBER_IN: Final = 0x8004B709
_READING: Final = os.O_RDONLY | os.O_CLOEXEC


class Origin(NamedTuple):
    """Where a process came from."""

    #: Its number where it was looked at: on this host, or in the box.
    parent: int
    #: In clock ticks since the machine started: with its number, which process it is.
    started: int


class Numbers:
    """The numbers of the processes of one box, asked of the kernel, or read where it is too old for that."""

    def __init__(self, task: int) -> None:
        """``task``: any of the box, by its number on this host."""
        #: The pid namespaces of the box and of this process, and the box's own /proc; empty where nothing can be
        #: asked.
        self._spaces: list[int] = []
        with contextlib.suppress(OSError):
            for place in (f"{task}/ns/pid", "self/ns/pid", f"{task}/root/proc"):
                self._spaces.append(os.open(f"/proc/{place}", _READING))
            started = origin(self.on_host(task)).started
            if self.origin(task, self.in_box(task)).started == started:
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

    def open(self, name: str, task: int, number: int) -> int:
        """Opens a file of /proc for reading, of the process ``number`` of the box, to which a task belongs.

        Raises:
            OSError: it is gone, or may not be read.
        """
        if self._spaces:
            return os.open(f"{number}/{name}", _READING, dir_fd=self._spaces[2])
        return os.open(f"/proc/{self.on_host(task)}/{name}", _READING)

    def origin(self, task: int, number: int) -> Origin:
        """Where the process ``number`` of the box came from, to which a task belongs; its parent by its number in
        the box, 0 for one outside of it.

        Raises:
            OSError: it is gone.
        """
        found = _origin(self.open("stat", task, number))
        if self._spaces:
            return found
        try:
            return found._replace(parent=self.in_box(found.parent))
        except OSError:  # it has ended meanwhile
            return found._replace(parent=0)


def number_in_box(task: int) -> int:
    """The number in its box of the process that a task belongs to.

    Raises:
        OSError: it is gone.
    """
    return int(_status(task, b"NStgid").split()[-1])


def origin(process: int) -> Origin:
    """Where a process of this host came from.

    Raises:
        OSError: it is gone.
    """
    return _origin(os.open(f"/proc/{process}/stat", _READING))


def _origin(stat: int) -> Origin:
    # Fields after the name in brackets: state, ppid, …; the 20th is the start.
    fields = _content(stat).rpartition(b")")[2].split(None, 20)
    return Origin(int(fields[1]), int(fields[19]))


def _status(task: int, name: bytes) -> bytes:
    return (
        _content(os.open(f"/proc/{task}/status", _READING))
        .partition(b"\n" + name + b":\t")[2]
        .partition(b"\n")[0]
    )


def _content(file: int) -> bytes:
    try:
        return os.read(file, _STATUS_BYTES)
    finally:
        os.close(file)
