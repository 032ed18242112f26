"""Which of the box's file systems have run full."""

import os

#: A file system with less than this share free is full.
_FULL = 0.01


class Disks:
    """Looks at ``mounts``; what has run out of one is found once."""

    def __init__(self, mounts: list) -> None:
        self._mounts = mounts
        self._found: set[tuple[str, str]] = set()

    def look(self) -> list:
        """What ran out since the last look: ``path``, ``what`` of it (bytes or inodes), ``used`` and ``size``."""
        full = []
        for path in self._mounts:
            status = os.statvfs(path)
            for what, free, total, unit in (
                ("bytes", status.f_bfree, status.f_blocks, status.f_frsize),
                ("inodes", status.f_ffree, status.f_files, 1),
            ):
                if total and free <= total * _FULL and (path, what) not in self._found:
                    self._found.add((path, what))
                    used, size = (total - free) * unit, total * unit
                    full.append({"path": path, "what": what, "used": used, "size": size})
        return full
