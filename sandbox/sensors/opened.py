"""Which planted files of a box are opened: inotify from this host, through the box's own root.

Needs root, and a box whose files this kernel holds.
"""

import asyncio
import contextlib
import ctypes
import os
import struct
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final

from sandbox.box import Seen

_OPEN, _OVERFLOW = 0x20, 0x4000
_EVENT: Final = struct.Struct("=iIII")
_CHUNK: Final = 65_536
_LIBC: Final = ctypes.CDLL(None, use_errno=True)
#: A file that every box has: opening it is the canary.
CANARY: Final = "/etc/resolv.conf"


class OpenedSensor:
    """Tells of openings, whoever opens and however often: by the first and every doubling."""

    def __init__(self, pid: int, paths: Iterable[str], give: Callable[[list[Seen]], None]) -> None:
        """
        Args:
            pid: the box's first process as this host sees it.
            paths: files of the box, absolute.
            give: gets what was seen, on the running event loop.
        """
        self._root = f"/proc/{pid}/root"
        self._give = give
        self._loop = asyncio.get_running_loop()
        self._paths: dict[int, str] = {}
        self._counts: Counter[str] = Counter()
        #: Openings that are not told: more at once than the kernel's queue holds.
        self.lost = 0
        #: Why nothing is seen; None while it is.
        self.absent: str | None = None
        self._descriptor: int = _LIBC.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            self._prove()
            for path in paths:
                self._paths[self._add(path)] = path
        except OSError as error:
            self.absent = f"{error.filename or 'inotify'}: {error.strerror}"
            self.close()
            return
        self._loop.add_reader(self._descriptor, self._read)

    def close(self) -> None:
        """Takes in what happened until now, and no more."""
        if self._descriptor >= 0:
            self._loop.remove_reader(self._descriptor)
            self._read()
            os.close(self._descriptor)
            self._descriptor = -1

    def _prove(self) -> None:
        canary = self._add(CANARY)
        os.close(os.open(f"{self._root}{CANARY}", os.O_RDONLY | os.O_CLOEXEC))
        if os.read(self._descriptor, _CHUNK)[: _EVENT.size] != _EVENT.pack(canary, _OPEN, 0, 0):
            raise OSError(0, "its canary was not seen")
        _LIBC.inotify_rm_watch(self._descriptor, canary)

    def _add(self, path: str) -> int:
        place = f"{self._root}{path}"
        number = int(_LIBC.inotify_add_watch(self._descriptor, os.fsencode(place), _OPEN))
        if number < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), place)
        return number

    def _read(self) -> None:
        found: list[Seen] = []
        with contextlib.suppress(BlockingIOError):
            while data := os.read(self._descriptor, _CHUNK):
                for at in range(0, len(data), _EVENT.size):  # of files: no names
                    number, mask, _, _ = _EVENT.unpack_from(data, at)
                    self.lost += bool(mask & _OVERFLOW)
                    if number in self._paths and mask & _OPEN:
                        found += self._count(self._paths[number])
        if found:
            self._give(found)

    def _count(self, path: str) -> list[Seen]:
        self._counts[path] += 1
        count = self._counts[path]
        return [] if count & (count - 1) else [Seen("file.open", {"path": path, "count": count})]
