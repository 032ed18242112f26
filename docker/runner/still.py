"""Whether a tree is as it was when it was last listed, without reading it again.

A file's content changes through a descriptor that is open for writing, which a mapping of memory keeps open,
or by a truncation. Once such a descriptor is closed, inotify tells, and of a truncation at once: on the file
itself, by whatever name it was opened. While one is open, the kernel grants no read lease (fcntl(2)). Names,
kinds and modes change in directories, which are watched. So where nothing was told and every file gives a
lease, nothing has changed.
"""

import ctypes
import fcntl
import os

from privileges import AGENT
from watch import Watch

_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_LIBC = ctypes.CDLL(None, use_errno=True)


class Still:
    """Vouches for the last listing of the tree that ``watch`` watches."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._files: list[str] | None = None
        self._number = 0

    def begin(self) -> None:
        """A listing begins: what happens from now on may be missing in it."""
        self._files = None
        self._watch.settle()

    def opened(self, descriptor: int) -> None:
        """A file of the listing was opened and is about to be read."""
        self._watch.add_file(descriptor)

    def end(self, files: list[str]) -> int:
        """The listing is whole and holds these regular ``files``; its number."""
        self._files = files
        self._number += 1
        return self._number

    def holds(self, number: int | None) -> bool:
        """Whether the tree is as the listing of that number says."""
        if self._files is None or number != self._number:
            return False
        # In this order: a writer that is gone by the first look has been told of by the second.
        return not self._written(self._files) and self._watch.quiet()

    def _written(self, files: list[str]) -> bool:
        """Whether somebody has one of ``files`` open for writing, or it cannot be told."""
        try:
            root = os.open(self._watch.root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:
            return True
        # Only its owner is granted a lease on a file. This thread alone, and only for files.
        _LIBC.setfsuid(AGENT)
        try:
            for path in files:
                _lease(path, root)
        except OSError:
            return True
        finally:
            _LIBC.setfsuid(0)
            os.close(root)
        return False


def _lease(path: str, root: int) -> None:
    """Takes a read lease on a file and gives it back.

    Raises:
        OSError: EAGAIN where it is open for writing.
    """
    file = os.open(path, _FILE, dir_fd=root)
    try:
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    finally:
        os.close(file)
