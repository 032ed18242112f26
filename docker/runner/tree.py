"""The entries of a directory of the agent's, seen and written without ever following a link of its making."""

import os
import stat
from collections.abc import Callable, Iterator
from typing import NamedTuple

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
#: Not blocking: a program that ran before may have left a pipe in the place of a file.
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_DIRECTORY = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_DIRECTORY
_WAY = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_DIRECTORY
#: Directories at this depth are reported, not entered: every level costs a descriptor.
MAX_DEPTH = 32
#: Bytes of a file that are held at a time.
PIECE = 256 * 1024


class TooMuch(Exception):
    """A bound of the request was reached."""


class Found(NamedTuple):
    """An entry below a root, or ``error``: why what lies at ``path`` could not be looked at."""

    path: str
    status: os.stat_result | None
    #: Descriptor of its directory, open until the walk goes on.
    directory: int
    error: str | None = None

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.path.rpartition("/")[2]

    @property
    def is_directory(self) -> bool:
        """Whether it is one, entered or not."""
        return self.status is not None and stat.S_ISDIR(self.status.st_mode)

    @property
    def too_deep(self) -> bool:
        """Whether it is a directory that is not entered."""
        return self.is_directory and self.path.count("/") >= MAX_DEPTH


def walk(root: str, first: str = "") -> Iterator[Found]:
    """Every entry below ``root`` in the order of names, the one called ``first`` before all others.

    A part that cannot be looked at is told and the walk goes on beside it.

    Raises:
        OSError: ``root`` is no directory.
    """
    descriptor = os.open(root, _DIRECTORY)
    try:
        yield from _walk(descriptor, "", first)
    finally:
        os.close(descriptor)


def _walk(directory: int, prefix: str, first: str = "") -> Iterator[Found]:
    for name in sorted(os.listdir(directory), key=lambda name: (name != first, name)):
        try:
            status = os.stat(name, dir_fd=directory, follow_symlinks=False)
        except FileNotFoundError:
            continue  # it went away between the listing and the look
        found = Found(prefix + name, status, directory)
        yield found
        if found.is_directory and not found.too_deep:
            try:
                child = os.open(name, _DIRECTORY, dir_fd=directory)
            except OSError as error:
                yield Found(prefix + name, None, directory, told(error))  # renamed meanwhile
                continue
            try:
                yield from _walk(child, f"{prefix}{name}/")
            finally:
                os.close(child)


def told(error: Exception) -> str:
    """An error without the name that it met: that is told beside it."""
    return error.strerror or "unreadable" if isinstance(error, OSError) else str(error)


def pieces(
    found: Found, most: int, opened: Callable[[int], None] = lambda descriptor: None
) -> Iterator[bytes]:
    """The bytes of a regular file; ``opened`` gets its descriptor before the first is read.

    Raises:
        OSError: it is none any more.
        TooMuch: after ``most`` bytes, if there are more.
    """
    with os.fdopen(os.open(found.name, _READ, dir_fd=found.directory), "rb", buffering=0) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError("not a regular file")
        opened(file.fileno())
        while piece := file.read(min(PIECE, most + 1)):
            if len(piece) > most:
                raise TooMuch("too large")
            most -= len(piece)
            yield piece


def write_all(root: str, files: list, body: bytes) -> None:
    """Writes ``[path, mode, size]`` files whose contents lie one after another in ``body``.

    Raises:
        OSError: a link or anything else that is no directory lies on the way, or no file at its end.
    """
    offset = 0
    for path, mode, size in files:
        directory, name = _way_to(os.path.join(root, path))
        try:
            descriptor = os.open(name, _WRITE, mode, dir_fd=directory)
        finally:
            os.close(directory)
        with os.fdopen(descriptor, "wb") as file:
            file.write(body[offset : offset + size])
            os.fchmod(descriptor, mode)
        offset += size


def _way_to(path: str) -> tuple[int, str]:
    """A descriptor of the directory of an absolute path, made where it was not there, and the name in it."""
    *parts, name = path.lstrip("/").split("/")
    directory = os.open("/", _WAY)
    for part in parts:
        try:
            try:
                child = os.open(part, _WAY, dir_fd=directory)
            except FileNotFoundError:
                os.mkdir(part, 0o755, dir_fd=directory)
                child = os.open(part, _WAY, dir_fd=directory)
        finally:
            os.close(directory)
        directory = child
    return directory, name
