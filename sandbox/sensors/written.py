"""How guarded files of limits read once they were written to, through whatever descriptor: inotify from this host.

Needs what ``opened`` needs, and is told of as a part of it.
"""

import asyncio
import contextlib
import ctypes
import os
import struct
from collections.abc import Callable, Iterable
from typing import Final

from sandbox.box import Seen
from sandbox.sensors.paths import open_in
from sandbox.sensors.readings import text_in

_MODIFY, _ATTRIB, _DELETE_SELF, _MOVE_SELF, _OVERFLOW = 0x2, 0x4, 0x400, 0x800, 0x4000
_EVENT: Final = struct.Struct("=iIII")
_CHUNK: Final = 65_536
_LIBC: Final = ctypes.CDLL(None, use_errno=True)
#: Seconds that a text must stand: what is there for less is half written.
STANDS: Final = 0.02
#: Texts of one box; more are counted as lost.
MOST: Final = 1_000


class WrittenSensor:
    """Tells how each file reads after a write, where it reads otherwise than it was known to."""

    def __init__(self, pid: int, paths: Iterable[str], give: Callable[[list[Seen]], None]) -> None:
        """
        Args:
            pid: the box's first process as this host sees it.
            paths: files of the box, absolute.
            give: gets what was seen, on the running event loop.
        """
        self._pid, self._give = pid, give
        self._loop = asyncio.get_running_loop()
        #: Texts that found no room, more at once than the kernel's queue holds, and files that it does not watch.
        self.lost = 0
        self._told = 0
        self._watched: dict[int, str] = {}
        #: Path → how it read when something happened to it, until it is looked at again.
        self._due: dict[str, str | None] = {}
        self._descriptor: int = _LIBC.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._descriptor < 0:
            self.lost = 1
            return
        #: Path → how it is known to read.
        self._known = {path: text_in(pid, path) for path in paths}
        for path in self._known:
            self._watch(path)
        self._loop.add_reader(self._descriptor, self._read)

    def close(self) -> None:
        """Takes in no more."""
        if self._descriptor >= 0:
            self._loop.remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1

    def _watch(self, path: str) -> None:
        """Watches what lies there now; the same file again is watched once."""
        file = open_in(self._pid, path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
        if file is None:
            return
        what = _MODIFY | _ATTRIB | _DELETE_SELF | _MOVE_SELF
        number = int(_LIBC.inotify_add_watch(self._descriptor, f"/proc/self/fd/{file}".encode(), what))
        os.close(file)
        if number < 0:
            self.lost += 1
        else:
            self._watched[number] = path

    def _read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            # Once: a file that is written to without end must not keep the event loop.
            data = os.read(self._descriptor, _CHUNK)
            for at in range(0, len(data), _EVENT.size):  # of files: no names
                number, mask, _, _ = _EVENT.unpack_from(data, at)
                self.lost += bool(mask & _OVERFLOW)
                if number in self._watched and self._watched[number] not in self._due:
                    self._look(self._watched[number])

    def _look(self, path: str) -> None:
        self._due[path] = text_in(self._pid, path)
        self._loop.call_later(STANDS, self._look_again, path)

    def _look_again(self, path: str) -> None:
        if self._descriptor < 0:
            return
        self._watch(path)  # another file may have taken its place
        before, now = self._due.pop(path), text_in(self._pid, path)
        if now != before:
            self._look(path)
        elif now != self._known[path]:
            self._known[path] = now
            self._told += 1
            if self._told > MOST:
                self.lost += 1
            else:
                self._give([Seen("guard.written", {"path": path, "text": now})])
