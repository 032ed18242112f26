"""Reading and writing files of the agent without ever following a link of its making."""

import hashlib
import os
import stat
from collections.abc import Iterator

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
#: Not blocking: a program that ran before may have left a pipe in the place of a file.
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK
_DIRECTORY = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_DIRECTORY
#: Directories at this depth are reported, not entered: every level costs a descriptor.
MAX_DEPTH = 32
_MAX_LEFT = 1_000


class TooMuch(Exception):
    """A bound of the request was reached."""


def write_all(root: str, files: list, body: bytes) -> None:
    """Writes ``[path, mode, size]`` files whose contents lie one after another in ``body``."""
    offset = 0
    for path, mode, size in files:
        target = os.path.join(root, path)
        os.makedirs(os.path.dirname(target), mode=0o755, exist_ok=True)
        descriptor = os.open(target, _WRITE, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(body[offset : offset + size])
        os.chmod(target, mode)
        offset += size


def walk(root: str) -> Iterator[tuple[str, os.stat_result, int]]:
    """Every entry below ``root`` as (relative path, lstat, descriptor of its directory)."""
    descriptor = os.open(root, _DIRECTORY)
    try:
        yield from _walk(descriptor, "")
    finally:
        os.close(descriptor)


def _walk(directory: int, prefix: str) -> Iterator[tuple[str, os.stat_result, int]]:
    for name in sorted(os.listdir(directory)):
        try:
            status = os.stat(name, dir_fd=directory, follow_symlinks=False)
        except FileNotFoundError:
            continue  # it went away between the listing and the look
        yield prefix + name, status, directory
        if stat.S_ISDIR(status.st_mode) and not _too_deep(prefix + name, status):
            child = os.open(name, _DIRECTORY, dir_fd=directory)
            try:
                yield from _walk(child, f"{prefix}{name}/")
            finally:
                os.close(child)


def _too_deep(path: str, status: os.stat_result) -> bool:
    """Whether an entry is a directory that is not entered."""
    return stat.S_ISDIR(status.st_mode) and path.count("/") >= MAX_DEPTH


def _content(name: str, directory: int, most: int) -> bytes:
    """The bytes of a regular file, at most ``most``; OSError if it is none any more."""
    descriptor = os.open(name, _READ, dir_fd=directory)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError("not a regular file")
        content = file.read(most + 1)
    if len(content) > most:
        raise TooMuch("too large")
    return content


def manifest(root: str, max_entries: int, max_bytes: int) -> dict:
    """The entries ``[path, type, mode, size, digest or link target]`` and why they are incomplete."""
    entries: list = []
    incomplete = None
    left = max_bytes
    try:
        for path, status, directory in walk(root):
            if len(entries) >= max_entries:
                raise TooMuch("too many entries")
            try:
                entry = _entry(path, status, directory, left)
            except OSError as error:
                # Held by a lease, or gone meanwhile: the others can be told all the same.
                incomplete = str(error)
                continue
            left -= entry[3] if entry[1] == "file" else 0
            entries.append(entry)
            if _too_deep(path, status):
                incomplete = "a directory lies too deep"
    except (TooMuch, OSError) as error:
        incomplete = str(error)
    return {"entries": entries, "incomplete": incomplete}


def _entry(path: str, status: os.stat_result, directory: int, left: int) -> list:
    mode = stat.S_IMODE(status.st_mode)
    name = path.rpartition("/")[2]
    if stat.S_ISREG(status.st_mode):
        content = _content(name, directory, left)
        return [path, "file", mode, len(content), hashlib.sha256(content).hexdigest()]
    if stat.S_ISLNK(status.st_mode):
        target = os.readlink(name, dir_fd=directory)
        return [path, "link", mode, len(os.fsencode(target)), target]
    return [path, "dir" if stat.S_ISDIR(status.st_mode) else "other", mode, 0, None]


def collect(root: str, max_bytes: int, max_files: int, only: list | None = None) -> tuple[dict, bytes]:
    """Contents of the regular files below ``root`` (of ``only`` these paths, if given).

    Returns ``{"files": [[path, size]], "left": [[path, reason]]}`` and the contents one after
    another. Nothing but regular files is taken; what is left is named. ``root`` among it says that
    some of what lies there was not even looked at.
    """
    files: list = []
    left: list = []
    contents: list[bytes] = []
    room = max_bytes
    wanted = None if only is None else set(only)
    try:
        for path, status, directory in walk(root):
            if wanted is not None and path not in wanted:
                continue
            if stat.S_ISDIR(status.st_mode) and not _too_deep(path, status):
                continue
            reason = _refusal(path, status, room, len(files) >= max_files)
            if reason is None:
                try:
                    content = _content(path.rpartition("/")[2], directory, room)
                except (OSError, TooMuch) as error:
                    reason = str(error)
            if reason is not None:
                left.append([path, reason])
                if len(left) >= _MAX_LEFT:
                    left.append([root, f"more than {_MAX_LEFT} entries are left"])
                    break
                continue
            files.append([path, len(content)])
            contents.append(content)
            room -= len(content)
    except OSError as error:
        left.append([root, str(error)])
    return {"files": files, "left": left}, b"".join(contents)


def _refusal(path: str, status: os.stat_result, room: int, full: bool) -> str | None:
    if _too_deep(path, status):
        return "a directory that lies too deep"
    if not stat.S_ISREG(status.st_mode):
        return "not a regular file"
    if any(ord(character) < 32 or 0xDC80 <= ord(character) <= 0xDCFF for character in path):
        return "control characters or bytes in the name"
    if full:
        return "too many files"
    return "too large" if status.st_size > room else None
