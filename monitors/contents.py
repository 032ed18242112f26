"""What files held: contents by their digest, where whoever keeps the log keeps them too."""

import os
import re
from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from stat import S_ISREG
from typing import Final

#: SHA-256 in hexadecimal → the bytes that have it; None where they are not kept.
Contents = Callable[[str], bytes | None]

#: No content above this is read: what it holds is not looked into.
MAX_BYTES: Final = 4_194_304
#: Contents up to this are kept in mind, and so many: most episodes of a run name the same files of one scaffold. What
#: each names once passes through; were there room for many, a long run's memory would fill with them.
_SMALL: Final = 65_536
_MANY: Final = 32
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


class Blobs:
    """The contents that lie in directories under their digests: a ``Contents``.

    A log names digests and may come from anyone: what is no digest names nothing, and a file that
    has not the digest it is named by is not there.
    """

    def __init__(self, *directories: Path) -> None:
        self._directories = directories

    def __call__(self, digest: str) -> bytes | None:
        """The content with this digest; None if it is not kept, is larger than ``MAX_BYTES`` or false."""
        if not _DIGEST.fullmatch(digest):
            return None
        for directory in self._directories:
            content = _content(f"{directory}/{digest}", digest)
            if content is not None:
                return content
        return None


def _content(path: str, digest: str) -> bytes | None:
    """The content of the regular file ``path``, if it is not too large and has the ``digest``."""
    try:
        told = os.stat(path)
        if not S_ISREG(told.st_mode) or told.st_size > MAX_BYTES:
            return None
        if told.st_size > _SMALL:
            return _read(path, digest, told.st_size)
        return _kept(path, digest, told.st_ino, told.st_size, told.st_mtime_ns)
    except OSError:
        return None


@lru_cache(maxsize=_MANY)
def _kept(path: str, digest: str, inode: int, size: int, changed: int) -> bytes | None:
    """As ``_read``, for as long as the file is the same."""
    return _read(path, digest, size)


def _read(path: str, digest: str, size: int) -> bytes | None:
    with open(path, "rb") as file:
        # No more is asked for than there is: what is kept would lie where so much had room, above all that is free.
        content = file.read(size)
    return content if sha256(content).hexdigest() == digest else None
