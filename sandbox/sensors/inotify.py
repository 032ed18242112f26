"""The kernel's news of files: a queue of inotify's, and the bits of inotify(7) that are in use."""

import ctypes
import os
import struct
from typing import Final

MODIFY, ATTRIBUTES, CLOSE_WRITE, OPEN = 0x2, 0x4, 0x8, 0x20
MOVED, CREATE, DELETE = 0x40 | 0x80, 0x100, 0x200
DELETE_SELF, MOVE_SELF = 0x400, 0x800
#: Not asked for, and told all the same: there was more than the queue holds.
OVERFLOW: Final = 0x4000
_EVENT: Final = struct.Struct("=iIII")
_CHUNK: Final = 65_536
_LIBC: Final = ctypes.CDLL(None, use_errno=True)


class Queue:
    """What happens to the files and directories that it watches. Never blocks."""

    def __init__(self) -> None:
        """
        Raises:
            OSError: the kernel grants this user no further one.
        """
        #: Readable when something happened; -1 once it is closed.
        self.descriptor = _done(_LIBC.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC), "inotify")

    def watch(self, place: str, mask: int) -> int:
        """Tells from now on what of ``mask`` happens there; the number by which it does, the same for the same file.

        Raises:
            OSError: nothing is there, or the kernel watches no more.
        """
        return _done(_LIBC.inotify_add_watch(self.descriptor, os.fsencode(place), mask), place)

    def watch_open(self, descriptor: int, mask: int) -> int:
        """The same of an open file or directory."""
        return self.watch(f"/proc/self/fd/{descriptor}", mask)

    def forget(self, number: int) -> None:
        """Watches that one no more."""
        _LIBC.inotify_rm_watch(self.descriptor, number)

    def read(self) -> list[tuple[int, int]]:
        """Number and mask of what happened and was not read yet, as much as one reading gives; none: nothing did."""
        found: list[tuple[int, int]] = []
        try:
            data = os.read(self.descriptor, _CHUNK)
        except BlockingIOError:
            return found
        at = 0
        while at < len(data):
            number, mask, _, length = _EVENT.unpack_from(data, at)
            found.append((number, mask))
            at += _EVENT.size + length
        return found

    def close(self) -> None:
        """Tells nothing any more; once is enough."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


def _done(result: int, what: str) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), what)
    return int(result)
