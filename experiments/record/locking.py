"""The lock of a run directory: one driver at a time, seen by anybody; and of work that waits for its turn."""

import fcntl
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from sandbox.errors import Mistake

FILE: Final = "lock"
#: A reader that looks at the lock holds it for an instant; a driver waits that long for it.
_PATIENCE: Final = 0.5
_STEP: Final = 0.05


@dataclass(frozen=True, slots=True)
class Driver:
    """Who drives a run now. ``since`` in Unix seconds; 0 if it has only just started."""

    pid: int
    host: str
    since: int

    @classmethod
    def read(cls, content: bytes) -> Self:
        """The driver that a lock file names; it may not have written its name yet."""
        try:
            value = json.loads(content)
            return cls(int(value["pid"]), str(value["host"]), int(value["since"]))
        except (ValueError, KeyError, TypeError):
            return cls(0, "", 0)

    def __str__(self) -> str:
        if not self.since:
            return "a driver that has just started"
        since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self.since))
        return f"process {self.pid} on {self.host} since {since}"


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Holds a run for this driver alone. A driver that dies releases it.

    Raises:
        Mistake: another driver holds it; the text names it.
    """
    with (directory / FILE).open("a+b") as file:
        if not _taken(file.fileno()):
            file.seek(0)
            holder = Driver.read(file.read())
            problem = f"another driver holds this run: {holder}"
            raise Mistake(problem, where=str(directory), remedy="wait for it, or end it")
        file.truncate(0)
        held = {"pid": os.getpid(), "host": socket.gethostname(), "since": int(time.time())}
        file.write(json.dumps(held).encode())
        file.flush()
        yield
        file.truncate(0)


@contextmanager
def in_turn(path: Path, other: str, say: Callable[[str], None]) -> Iterator[None]:
    """Waits until no other process is within; one that dies is not.

    Args:
        path: a file of all that wait for each other; made where it is not there.
        other: what the other one does, in words.
        say: told that there is one to wait for.
    """
    with path.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another process that {other}")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def driver_of(directory: Path) -> Driver | None:
    """Who drives a run now; None if nobody does."""
    path = directory / FILE
    if not path.exists():
        return None
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return Driver.read(file.read())
    return None


def _taken(descriptor: int) -> bool:
    """Takes the lock, waiting out readers that only look at it."""
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                return False
            time.sleep(_STEP)
        else:
            return True
