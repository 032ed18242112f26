"""What the host asks of the agent's directories: which entries there are, and the contents of files.

Contents go out in pieces, so that neither side holds more than one, and every answer is bounded
whatever lies there: entries, bytes of contents, bytes of names.
"""

import hashlib
import os
import stat
from collections.abc import Callable

from tree import Found, TooMuch, pieces, told, walk

#: Bytes of all names and link targets in one answer: they share its header.
MAX_NAMES = 2**18
_MAX_LEFT = 1_000


def manifest(
    root: str, max_entries: int, max_bytes: int, opened: Callable[[int], None] = lambda descriptor: None
) -> dict:
    """The entries ``[path, type, mode, size, digest or link target]`` and why they are incomplete.

    ``max_bytes``: of all contents that are read. What cannot be read is left out, and said. ``opened`` gets
    the descriptor of each file before it is read.
    """
    entries: list = []
    incomplete = None
    left, names = max_bytes, MAX_NAMES
    try:
        for found in walk(root):
            entry, read, reason = _entry(found, left, opened)
            left -= read
            incomplete = reason or incomplete
            if entry is None:
                continue
            names -= len(os.fsencode(found.path)) + len(os.fsencode(entry[4] or ""))
            if len(entries) >= max_entries or names < 0:
                raise TooMuch("too many entries" if names >= 0 else "too long names")
            entries.append(entry)
    except (TooMuch, OSError) as error:
        incomplete = told(error)
    return {"entries": entries, "incomplete": incomplete}


def _entry(found: Found, left: int, opened: Callable[[int], None]) -> tuple[list | None, int, str | None]:
    """The entry, how many bytes were read for it, and what could not be read."""
    if found.status is None:
        return None, 0, f"{found.path}: {found.error}"
    mode, read = stat.S_IMODE(found.status.st_mode), 0
    try:
        if stat.S_ISREG(found.status.st_mode):
            digest = hashlib.sha256()
            for piece in pieces(found, left, opened):
                read += len(piece)
                digest.update(piece)
            return [found.path, "file", mode, read, digest.hexdigest()], read, None
        if stat.S_ISLNK(found.status.st_mode):
            target = os.readlink(found.name, dir_fd=found.directory)
            return [found.path, "link", mode, len(os.fsencode(target)), target], 0, None
    except (OSError, TooMuch) as error:
        # Held by a lease, too large, or gone meanwhile: the others can be told all the same.
        return None, read, f"{found.path}: {told(error)}"
    kind = "dir" if found.is_directory else "other"
    return [found.path, kind, mode, 0, None], 0, "a directory lies too deep" if found.too_deep else None


def collect(
    root: str,
    max_bytes: int,
    max_files: int,
    take: Callable[[str, bytes], None],
    only: list | None = None,
    first: str = "",
) -> dict:
    """Gives the contents of the regular files below ``root`` to ``take(path, piece)``.

    ``only``: of these paths alone. ``first``: what is looked at before the rest, below which nothing
    can be crowded out. Returns ``{"files": [[path, size]], "left": [[path, reason]]}``: every entry is
    in one of the two, directories aside, or ``root`` itself is left, with the reason for which not
    everything was looked at. The pieces of a file that is left in the end are void.
    """
    files: list = []
    left: list = []
    room, names = max_bytes, MAX_NAMES
    wanted = None if only is None else set(only)
    try:
        for found in walk(root, first):
            ignored = wanted is not None and found.path not in wanted
            if ignored or (found.is_directory and not found.too_deep):
                continue
            names -= len(os.fsencode(found.path))
            if names < 0 or len(left) >= _MAX_LEFT:
                why = "the names are too long" if names < 0 else f"more than {_MAX_LEFT} entries are left"
                left.append([root, why])
                break
            taken, reason = 0, _refusal(found, room, len(files) >= max_files)
            if reason is None:
                taken, reason = _take(found, room, take)
            room -= taken
            if reason is None:
                files.append([found.path, taken])
            else:
                left.append([found.path, reason])
    except OSError as error:
        left.append([root, told(error)])
    return {"files": files, "left": left}


def _take(found: Found, room: int, take: Callable[[str, bytes], None]) -> tuple[int, str | None]:
    """Passes a file's bytes on; how many, and why they are not the whole file."""
    taken = 0
    coming = pieces(found, room)
    while True:
        try:
            piece = next(coming, b"")
        except (OSError, TooMuch) as error:
            return taken, told(error)
        if not piece:
            return taken, None
        take(found.path, piece)
        taken += len(piece)


def _refusal(found: Found, room: int, full: bool) -> str | None:
    """Why an entry is left unread."""
    if found.status is None:
        return found.error
    if found.too_deep:
        return "a directory that lies too deep"
    if not stat.S_ISREG(found.status.st_mode):
        return "not a regular file"
    if any(ord(character) < 32 or 0xDC80 <= ord(character) <= 0xDCFF for character in found.path):
        return "control characters or bytes in the name"
    if full:
        return "too many files"
    return "too large" if found.status.st_size > room else None
