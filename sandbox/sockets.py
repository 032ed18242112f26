"""Places for the unix sockets that boxes see, and the clearing up after processes that died.

A box sees the host's path of a bound socket in its list of mounts, so the names say nothing. Each
process holds one directory by a lock that dies with it; what nobody holds may be taken away.
"""

import fcntl
import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Final

_LOCK: Final = "lock"
_NUMBERS = itertools.count()


def _root() -> Path:
    # Not TMPDIR: a socket's path may have 107 bytes, and some temporary directories use them up.
    root = Path(f"/tmp/.s{os.getuid()}")
    root.mkdir(mode=0o700, exist_ok=True)
    return root


@cache
def _own(process: int) -> Path:
    """This process's directory; its lock is never released before the process ends."""
    while True:
        directory = Path(tempfile.mkdtemp(prefix="", dir=_root()))
        descriptor = os.open(directory / _LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        # Another process may have swept it away between the file's birth and the lock.
        if (directory / _LOCK).exists():
            return directory
        os.close(descriptor)


def own_directory() -> Path:
    """This process's directory: as long as ``held`` says so of it, this process lives."""
    return _own(os.getpid())


def shown_file(name: str, text: str) -> Path:
    """A file with that content for boxes to see, in this process's directory."""
    path = own_directory() / name
    if not path.exists():
        draft = path.with_name(f"{name}.{next(_NUMBERS)}")
        draft.write_text(text)
        draft.chmod(0o644)
        draft.replace(path)
    return path


def shared_directory() -> Path:
    """A directory for what all processes of this user on this host share."""
    directory = _root() / "shared"
    directory.mkdir(mode=0o700, exist_ok=True)
    return directory


def held(directory: Path) -> bool:
    """Whether the process whose ``own_directory`` this is lives on this host."""
    try:
        descriptor = os.open(directory / _LOCK, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except OSError:
        return True  # another user's: not ours to judge
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


@contextmanager
def socket_directory() -> Iterator[Path]:
    """A fresh directory that only this user enters, removed afterwards."""
    directory = own_directory() / str(next(_NUMBERS))
    directory.mkdir(mode=0o700)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def sweep_sockets() -> int:
    """Removes the directories of processes that have ended; returns how many."""
    swept = 0
    for directory in _root().iterdir():
        try:
            descriptor = os.open(directory / _LOCK, os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            continue  # being made or removed at this moment, or not ours
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        else:
            shutil.rmtree(directory, ignore_errors=True)
            swept += 1
        finally:
            os.close(descriptor)
    return swept
