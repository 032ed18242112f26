"""Which planted files of a box are opened: inotify from this host, through the box's own root.

Needs root, and a box whose files this kernel holds.
"""

import asyncio
import os
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final

from sandbox.box import Seen
from sandbox.sensors import inotify

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
        #: None where there is none, and once it is closed.
        self._queue: inotify.Queue | None = None
        try:
            self._queue = inotify.Queue()
            self._prove(self._queue)
            for path in paths:
                self._paths[self._queue.watch(f"{self._root}{path}", inotify.OPEN)] = path
        except OSError as error:
            self.absent = f"{error.filename or 'inotify'}: {error.strerror}"
            if self._queue is not None:
                self._queue.close()
                self._queue = None
            return
        self._loop.add_reader(self._queue.descriptor, self._read, self._queue)

    def close(self) -> None:
        """Takes in what happened until now, and no more."""
        if self._queue is not None:
            self._loop.remove_reader(self._queue.descriptor)
            self._read(self._queue)
            self._queue.close()
            self._queue = None

    def _prove(self, queue: inotify.Queue) -> None:
        canary = queue.watch(f"{self._root}{CANARY}", inotify.OPEN)
        os.close(os.open(f"{self._root}{CANARY}", os.O_RDONLY | os.O_CLOEXEC))
        if queue.read()[:1] != [(canary, inotify.OPEN)]:
            raise OSError(0, "its canary was not seen")
        queue.forget(canary)

    def _read(self, queue: inotify.Queue) -> None:
        found: list[Seen] = []
        while news := queue.read():
            for number, mask in news:
                self.lost += bool(mask & inotify.OVERFLOW)
                if number in self._paths and mask & inotify.OPEN:
                    found += self._count(self._paths[number])
        if found:
            self._give(found)

    def _count(self, path: str) -> list[Seen]:
        self._counts[path] += 1
        count = self._counts[path]
        return [] if count & (count - 1) else [Seen("file.open", {"path": path, "count": count})]
