"""Which process of a box a task of this host is, and where that came from."""

import contextlib
import fcntl
import os
from typing import Final, NamedTuple

#: Of ``/proc/PID/status``; what is looked for stands among its first lines.
_STATUS_BYTES: Final = 2_000
#: NS_GET_TGID_IN_PIDNS, from linux/nsfs.h; since Linux 6.11.
_NUMBER_IN: Final = 0x8004B709
#: How a file of /proc is opened.
READING: Final = os.O_RDONLY | os.O_CLOEXEC


class Origin(NamedTuple):
    """Where a process came from."""

    #: Its number where it was looked at: on this host, or in the box.
    parent: int
    #: In clock ticks since the machine started: with its number, which process it is.
    started: int


#: A process's number in its box; where its directory of /proc lies; the directory that this is below, if any.
Place = tuple[int, str, int | None]


class Numbers:
    """The numbers of the processes of one box, asked of the kernel, or read where it is too old for that."""

    def __init__(self, task: int) -> None:
        """``task``: any of the box, by its number on this host."""
        #: The pid namespaces of the box and of this process, and the box's own /proc; empty where nothing can be
        #: asked.
        self._spaces: list[int] = []
        with contextlib.suppress(OSError):
            for place in (f"{task}/ns/pid", "self/ns/pid", f"{task}/root/proc"):
                self._spaces.append(os.open(f"/proc/{place}", READING))
            if self.origin(self.place(task)).started == origin(f"/proc/{self.on_host(task)}").started:
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

    def place(self, task: int) -> Place:
        """Where the process is looked at that a task belongs to.

        Raises:
            OSError: it is gone.
        """
        if self._spaces:
            number = fcntl.ioctl(self._spaces[0], _NUMBER_IN, task)
            return number, str(number), self._spaces[2]
        return number_in_box(task), f"/proc/{self.on_host(task)}", None

    def origin(self, place: Place) -> Origin:
        """Where a process came from; its parent by its number in the box, 0 for one outside of it.

        Raises:
            OSError: it is gone.
        """
        _, directory, proc = place
        found = origin(directory, proc)
        if proc is not None:
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


def origin(directory: str, proc: int | None = None) -> Origin:
    """Where a process came from, by its directory of /proc, which is below ``proc`` if its path is not absolute.

    Raises:
        OSError: it is gone.
    """
    stat = os.open(f"{directory}/stat", READING, dir_fd=proc)
    try:
        content = os.read(stat, _STATUS_BYTES)
    finally:
        os.close(stat)
    # Fields after the name in brackets: state, ppid, …; the 20th is the start.
    fields = content.rpartition(b")")[2].split(None, 20)
    return Origin(int(fields[1]), int(fields[19]))


def _status(task: int, name: bytes) -> bytes:
    file = os.open(f"/proc/{task}/status", READING)
    try:
        content = os.read(file, _STATUS_BYTES)
    finally:
        os.close(file)
    return content.partition(b"\n" + name + b":\t")[2].partition(b"\n")[0]
