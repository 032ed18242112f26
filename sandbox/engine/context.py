"""What a build of an image is given."""

import io
import tarfile
from collections.abc import Mapping
from typing import IO


def context_of(
    files: Mapping[str, bytes],
    links: Mapping[str, str] = {},
    directories: Mapping[str, int] = {},
    modes: Mapping[str, int] = {},
) -> IO[bytes]:
    """A build's context, as a tar.

    Args:
        files: contents by path.
        links: targets by path.
        directories: modes by path.
        modes: of files, by path; 0644 for all others.
    """
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for path, mode in directories.items():
            entry = tarfile.TarInfo(path)
            entry.type, entry.mode = tarfile.DIRTYPE, mode
            tar.addfile(entry)
        for path, target in links.items():
            entry = tarfile.TarInfo(path)
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            tar.addfile(entry)
        for path, content in files.items():
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(content), modes.get(path, 0o644)
            tar.addfile(entry, io.BytesIO(content))
    made.seek(0)
    return made
