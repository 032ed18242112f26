"""How guarded files of limits read once they were written to, through whatever descriptor or mapping.

Seen from this host: inotify tells of writes; a mapping's are told by nobody, so that the file is looked at again and
again while one could be. Needs what ``opened`` needs, and is told of as a part of it.
"""

import asyncio
import contextlib
import os
from collections.abc import Callable, Iterable
from typing import Final

from sandbox.box import Seen
from sandbox.sensors import inotify
from sandbox.sensors.leases import is_writable
from sandbox.sensors.paths import open_in
from sandbox.sensors.readings import READ, text_in

_WHAT: Final = inotify.MODIFY | inotify.ATTRIBUTES | inotify.DELETE_SELF | inotify.MOVE_SELF
#: Seconds that a text must stand: what is there for less is half written.
STANDS: Final = 0.02
#: Seconds for which a file is looked at every ``STANDS`` once somebody asked to change it, and seconds between two looks
#: after that: an agent may keep it open for ever.
_FOLLOWED: Final = 1.0
_LATER: Final = 0.1
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
        #: Path → how it is known to read.
        self._known = {path: text_in(pid, path) for path in paths}
        #: Path → until when it is looked at, whoever has it open.
        self._followed: dict[str, float] = {}
        #: None where there is none, and once it is closed.
        self._queue: inotify.Queue | None = None
        try:
            self._queue = inotify.Queue()
        except OSError:
            self.lost = 1
            return
        for path in self._known:
            self._watch(self._queue, path)
        self._loop.add_reader(self._queue.descriptor, self._read, self._queue)

    def close(self) -> None:
        """Takes in no more."""
        if self._queue is not None:
            self._loop.remove_reader(self._queue.descriptor)
            self._queue.close()
            self._queue = None

    def asked(self, path: str) -> None:
        """Somebody asks to change that one: looks at it as long as anybody could. For any thread."""
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody asks any more
            self._loop.call_soon_threadsafe(self._follow, path)

    def _follow(self, path: str) -> None:
        begins = path not in self._followed
        self._followed[path] = self._loop.time() + _FOLLOWED
        if begins:
            self._look_on(path)

    def _look_on(self, path: str) -> None:
        if self._queue is None or path not in self._known:
            return
        if path not in self._due and text_in(self._pid, path) != self._known[path]:
            self._look(path)
        fresh = self._loop.time() < self._followed[path]
        if fresh or _is_writable(self._pid, path):
            self._loop.call_later(STANDS if fresh else _LATER, self._look_on, path)
        else:
            del self._followed[path]

    def _watch(self, queue: inotify.Queue, path: str) -> None:
        """Watches what lies there now; the same file again is watched once."""
        file = open_in(self._pid, path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
        if file is None:
            return
        try:
            self._watched[queue.watch_open(file, _WHAT)] = path
        except OSError:
            self.lost += 1
        finally:
            os.close(file)

    def _read(self, queue: inotify.Queue) -> None:
        # Once: a file that is written to without end must not keep the event loop.
        for number, mask in queue.read():
            self.lost += bool(mask & inotify.OVERFLOW)
            if number in self._watched and self._watched[number] not in self._due:
                self._look(self._watched[number])

    def _look(self, path: str) -> None:
        self._due[path] = text_in(self._pid, path)
        self._loop.call_later(STANDS, self._look_again, path)

    def _look_again(self, path: str) -> None:
        if self._queue is None:
            return
        self._watch(self._queue, path)  # another file may have taken its place
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


def _is_writable(pid: int, path: str) -> bool:
    """Whether somebody could change the file that lies there; what cannot be opened nobody changes unseen."""
    file = open_in(pid, path, READ)
    if file is None:
        return False
    try:
        return is_writable(file)
    finally:
        os.close(file)
