"""Which files of the scaffold change, as they change: inotify on every directory of a tree.

Between two manifests an edit may come and go; here it leaves a trace. What is written through a
mapping of memory shows as no more than a file that was open for writing, once it is closed.
"""

import ctypes
import os
import struct
import time

from tree import MAX_DEPTH

_MODIFY, _ATTRIBUTES, _CLOSE_WRITE = 0x2, 0x4, 0x8
_MOVED_FROM, _MOVED_TO, _CREATE, _DELETE = 0x40, 0x80, 0x100, 0x200
_OVERFLOW, _IGNORED, _DIRECTORY = 0x4000, 0x8000, 0x40000000
_MASK = _MODIFY | _ATTRIBUTES | _CLOSE_WRITE | _MOVED_FROM | _MOVED_TO | _CREATE | _DELETE
_FILE_MASK = _MODIFY | _ATTRIBUTES | _CLOSE_WRITE
_WORDS = {_MODIFY: "written", _CLOSE_WRITE: "opened", _ATTRIBUTES: "attributes", _MOVED_FROM: "moved",
          _MOVED_TO: "moved", _CREATE: "created", _DELETE: "deleted"}  # fmt: skip
_EVENT = struct.Struct("=iIII")
_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY | os.O_CLOEXEC
#: Bytes taken in at a time: one event may mean to look at a whole tree again.
_CHUNK = 4_096
#: Seconds for taking in what happened while the agent's processes go on, and once they are ended.
_LIVE_SECONDS, _LAST_SECONDS = 0.02, 2.0
#: Directories that are watched, paths of one report, reports of one box.
MAX_DIRECTORIES, MAX_PATHS, MAX_REPORTS = 256, 50, 2_000
MAX_PATH = 1_000
_LIBC = ctypes.CDLL(None, use_errno=True)


class Watch:
    """Watches ``root`` from its first ``begin`` on."""

    def __init__(self, root: str) -> None:
        self.root = root
        #: Readable when something changed; None where the kernel gives none.
        self.descriptor: int | None = _LIBC.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        #: Why nothing is seen; None once something was.
        self.absent: str | None = None
        #: Changes that are not told: too many at once, too many reports, directories beyond the bound.
        self.lost = 0
        #: Whether anything happened since ``settle``, or nobody can know.
        self._touched = True
        self._reports = 0
        self._paths: dict[int, str] = {}
        self._changed: dict[str, tuple[set[str], int]] = {}
        if self.descriptor < 0:
            self.absent = f"inotify: {os.strerror(ctypes.get_errno())}"
            self.descriptor = None
        else:
            self._add("")

    def begin(self) -> None:
        """Begins anew after files were laid out, which is what proves that changes are seen."""
        if self.descriptor is None:
            return
        self.read()
        self.absent = None if self._changed else "the files that were laid out were not seen to change"
        self._changed, self.lost = {}, 0

    def read(self, seconds: float = _LIVE_SECONDS) -> bool:
        """Takes in what happened, for some ``seconds``: an agent can cause more than can ever be read.
        Whether that was all."""
        until = time.monotonic() + seconds
        try:
            while time.monotonic() < until:
                self._take(os.read(self.descriptor, _CHUNK))
        except BlockingIOError:
            return True
        return False

    def read_last(self) -> None:
        """Takes in what is left once nothing can change any more."""
        if self.descriptor is not None and not self.read(_LAST_SECONDS):
            self.lost += 1

    def settle(self) -> None:
        """From now on ``quiet`` says whether anything happened."""
        self._touched = self.descriptor is None or not self.read()

    def quiet(self) -> bool:
        """Whether nothing happened in the whole tree since ``settle``."""
        return not self._touched and self.read() and not self._touched and not self.lost

    def add_file(self, descriptor: int) -> None:
        """Watches an open file itself: it may have names that lie in no directory any more."""
        if self.descriptor is not None and self._watch(descriptor, _FILE_MASK) < 0:
            self._touched = True

    def report(self) -> dict | None:
        """What changed since the last report: paths with how often and in which ways, bounded."""
        if self.descriptor is not None:
            self.read()
        if not self._changed:
            return None
        changed, self._changed = self._changed, {}
        if self._reports >= MAX_REPORTS:
            self.lost += len(changed)
            return None
        self._reports += 1
        paths = [[path, sorted(what), count] for path, (what, count) in list(changed.items())[:MAX_PATHS]]
        return {"paths": paths, "more": max(len(changed) - MAX_PATHS, 0)}

    def _take(self, data: bytes) -> None:
        at = 0
        while at < len(data):
            number, mask, _, length = _EVENT.unpack_from(data, at)
            name = data[at + _EVENT.size : at + _EVENT.size + length].rstrip(b"\0")
            at += _EVENT.size + length
            self._touched = True
            if mask & _OVERFLOW:
                self.lost += 1
            elif mask & _IGNORED:
                self._paths.pop(number, None)
            elif name and number in self._paths:
                path = self._paths[number] + os.fsdecode(name)
                self._note(path, mask)
                if mask & _DIRECTORY and mask & (_CREATE | _MOVED_TO):
                    self._add(f"{path}/")

    def _note(self, path: str, mask: int) -> None:
        text = os.fsencode(path).decode("utf-8", "backslashreplace")[:MAX_PATH]
        what, count = self._changed.get(text, (set(), 0))
        what.update(word for bit, word in _WORDS.items() if mask & bit)
        self._changed[text] = (what, count + 1)

    def _add(self, path: str) -> None:
        """Watches the directory ``path`` and all below it; what lies in it already is new."""
        if path.count("/") > MAX_DEPTH:
            self.lost += 1
            return
        try:
            directory = self._open(path)
        except OSError:
            return  # gone again, or a link by now
        try:
            number = self._watch(directory, _MASK)
            if number < 0 or (number not in self._paths and len(self._paths) >= MAX_DIRECTORIES):
                self.lost += 1
                return
            self._paths[number] = path
            with os.scandir(directory) as entries:
                for entry in entries:
                    self._note(path + entry.name, _CREATE)
                    if entry.is_dir(follow_symlinks=False):
                        self._add(f"{path}{entry.name}/")
        finally:
            os.close(directory)

    def _watch(self, descriptor: int, mask: int) -> int:
        return _LIBC.inotify_add_watch(self.descriptor, b"/proc/self/fd/%d" % descriptor, mask)

    def _open(self, path: str) -> int:
        """Opens a directory below the root, step by step, so that no link is ever followed."""
        directory = os.open(self.root, _OPEN)
        for part in path.split("/")[:-1]:
            outer = directory
            try:
                directory = os.open(part, _OPEN, dir_fd=outer)
            finally:
                os.close(outer)
        return directory
