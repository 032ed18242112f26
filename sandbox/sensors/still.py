"""Whether the scaffold of a box is as it was listed, seen from this host: else each model call waits for the box to say so.

``docker/runner/still.py`` says why that can be seen: inotify tells of every change but of what a descriptor that is
open for writing still holds, and while there is one the kernel grants no read lease. The box's own word that nothing
had changed, given after all was watched from here, is where it begins. Needs root, and a box whose files this kernel
holds; elsewhere the box is asked.
"""

import os
from functools import cache
from typing import Final, Protocol

from sandbox.files import Manifest
from sandbox.sensors import inotify
from sandbox.sensors.leases import is_writable

#: Entries of a listing that are watched; of a longer one the box is asked.
MOST: Final = 64
_FILE: Final = inotify.MODIFY | inotify.ATTRIBUTES | inotify.CLOSE_WRITE
_DIRECTORY: Final = _FILE | inotify.MOVED | inotify.CREATE | inotify.DELETE
_WAY: Final = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Owner(Protocol):
    """Whom a watch is for."""

    def disturb(self) -> None:
        """Something has happened, or nobody knows."""
        ...


class Still:
    """Of one directory of one box. Used on one thread."""

    def __init__(self, pid: int, root: str) -> None:
        """
        Args:
            pid: the box's first process as this host sees it.
            root: the directory, absolute in the box.
        """
        self._root = f"/proc/{pid}/root{root}"
        #: The listing whose files are watched, and whether the box has said since that all was still as listed.
        self._listed: Manifest | None = None
        self._vouched = False
        #: Path → descriptor of each directory, and one for reading of each file: looks are many.
        self._directories: dict[str, int] = {}
        self._files: list[int] = []

    def holds(self, listed: Manifest) -> bool:
        """Whether all is as ``listed``; False where that cannot be told."""
        # In this order: a writer that is gone by the first look has been told of by the second.
        return (
            self._vouched
            and listed is self._listed
            and not any(map(is_writable, self._files))
            and self._quiet()
        )

    def told(self, listed: Manifest) -> None:
        """The box has just said that all was as ``listed``."""
        if listed is self._listed:
            # What happened before it said so does not count, and cannot be told from what came after.
            self._vouched = True
            self._quiet()
            return
        self.close()
        if listed.mark is None or len(listed.entries) > MOST:
            return
        try:
            self._watch(listed)
        except (OSError, KeyError, ValueError):
            self.close()  # gone meanwhile, not to be seen from here, or no name of a file
        else:
            self._listed = listed

    def disturb(self) -> None:
        """Something has changed: until the box says what there is, nothing else counts."""
        self.close()

    def close(self) -> None:
        """Watches nothing any more."""
        self._listed, self._vouched = None, False
        if self._directories:
            watches(os.getpid()).forget(self)
        while self._files:
            os.close(self._files.pop())
        while self._directories:
            os.close(self._directories.popitem()[1])

    def _quiet(self) -> bool:
        watches(os.getpid()).read()
        return self._vouched

    def _watch(self, listed: Manifest) -> None:
        told = watches(os.getpid())
        self._directories[""] = os.open(self._root, _WAY | os.O_DIRECTORY)
        told.add(self._directories[""], _DIRECTORY, self)
        for path, kind, *_ in listed.entries:  # a directory before what lies in it
            above, _, name = path.rpartition("/")
            directory = self._directories[above]
            if kind == "dir":
                self._directories[path] = os.open(name, _WAY | os.O_DIRECTORY, dir_fd=directory)
                told.add(self._directories[path], _DIRECTORY, self)
            elif kind == "file":
                file = os.open(name, _READ, dir_fd=directory)
                self._files.append(file)
                if len(self._files) == 1:
                    told.prove(file)
                told.add(file, _FILE, self)


class Watches:
    """One queue for all boxes of a process: the kernel grants a user few of them."""

    def __init__(self) -> None:
        self._queue = inotify.Queue()
        self._owners: dict[int, Owner] = {}

    def add(self, descriptor: int, mask: int, owner: Owner) -> None:
        """Tells ``owner`` what happens to an open file or directory.

        Raises:
            OSError: the kernel watches no more.
        """
        self._owners[self._queue.watch_open(descriptor, mask)] = owner

    def prove(self, descriptor: int) -> None:
        """Opens a file, by a descriptor of its place alone.

        Raises:
            OSError: that is not told.
        """
        canary = _Canary()
        self.add(descriptor, inotify.OPEN, canary)
        os.close(os.open(f"/proc/self/fd/{descriptor}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC))
        self.read()
        self.forget(canary)
        if not canary.seen:
            raise OSError("what happens in the box is not told here")

    def forget(self, owner: Owner) -> None:
        """Tells ``owner`` nothing any more."""
        for number in [number for number, one in self._owners.items() if one is owner]:
            del self._owners[number]
            self._queue.forget(number)

    def read(self) -> None:
        """Takes in what happened until now."""
        while news := self._queue.read():
            for number, mask in news:
                every = list(self._owners) if mask & inotify.OVERFLOW else [number]
                for owner in [self._owners[one] for one in every if one in self._owners]:
                    owner.disturb()


class _Canary:
    def __init__(self) -> None:
        self.seen = False

    def disturb(self) -> None:
        self.seen = True


@cache
def watches(process: int) -> Watches:
    """The one of a process, by its number."""
    return Watches()
