"""What files held: contents by their digest, where whoever keeps the log keeps them too."""

import re
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Final

#: SHA-256 in hexadecimal → the bytes that have it; None where they are not kept.
Contents = Callable[[str], bytes | None]

#: No content above this is read: what it holds is not looked into.
MAX_BYTES: Final = 4_194_304
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
            try:
                with (directory / digest).open("rb") as file:
                    content = file.read(MAX_BYTES + 1)
            except OSError:
                continue
            if sha256(content).hexdigest() == digest:
                return content
        return None
