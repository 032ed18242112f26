"""Writing that survives a crash: appended and synced, or replaced in one step."""

import os
import secrets
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from sandbox.canonical import sha256
from sandbox.errors import StorageFault
from sandbox.events import open_regular

BLOBS: Final = "blobs"


@contextmanager
def undisturbed() -> Iterator[None]:
    """Lets no Ctrl-C end what is written last, however often the user asks: another writer would come upon half of it."""
    if threading.current_thread() is not threading.main_thread():
        yield  # signals do not reach it
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def read(path: Path | str) -> bytes:
    """The content of a stored file.

    Raises:
        FileNotFoundError: there is none.
        BrokenLine: it is no regular file, or cannot be opened.
    """
    with open_regular(path) as file:
        return file.read()


def append(path: Path, data: bytes) -> None:
    """Appends ``data`` and returns once the disk has it.

    Raises:
        StorageFault: the disk refused it, and the file is what it was.
    """
    size = None
    try:
        new = not path.exists()
        # Unbuffered: a buffer would try once more to write what was refused, when it is closed.
        with path.open("ab", buffering=0) as file:
            size = file.tell()
            rest = memoryview(data)
            while rest:
                rest = rest[file.write(rest) :]
            os.fsync(file.fileno())
        if new:
            sync_directory(path.parent)
    except OSError as error:
        if size is not None:
            # Giving room back needs none. A file that went away meanwhile is the caller's news all the same.
            with suppress(OSError):
                os.truncate(path, size)
        raise StorageFault(f"{path}: {error.strerror}") from error


def replace(path: Path, data: bytes) -> None:
    """Writes ``data`` to ``path`` so that a reader sees the old file or the new one, never a part.

    Raises:
        StorageFault: the disk refused it.
    """
    # No Path: it would have the interpreter keep the parts of each name, and its table of them grow.
    draft = f"{path.parent}/.{path.name}.{secrets.token_hex(8)}"
    try:
        with open(draft, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
        sync_directory(path.parent)
    except OSError as error:
        with suppress(FileNotFoundError):
            os.unlink(draft)
        raise StorageFault(f"{path}: {error.strerror}") from error


def truncate(path: Path, size: int) -> None:
    """Cuts ``path`` to ``size`` bytes, durably.

    Raises:
        StorageFault: the disk refused it.
    """
    try:
        with path.open("r+b") as file:
            file.truncate(size)
            os.fsync(file.fileno())
    except OSError as error:
        raise StorageFault(f"{path}: {error.strerror}") from error


def put_blob(run: Path, content: bytes) -> str:
    """Stores ``content`` under its SHA-256 in the run's blobs and returns that name.

    Raises:
        StorageFault: the disk refused it.
    """
    return put_file(run / BLOBS, content)


def put_file(directory: Path, content: bytes) -> str:
    """Stores ``content`` under its SHA-256 in ``directory`` and returns that name.

    Raises:
        StorageFault: the disk refused it.
    """
    name = sha256(content)
    if not os.path.exists(f"{directory}/{name}"):
        try:
            directory.mkdir(exist_ok=True)
        except OSError as error:
            raise StorageFault(f"{directory}: {error.strerror}") from error
        replace(directory / name, content)
    return name


def sync_directory(path: Path) -> None:
    """Makes the names in a directory durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
