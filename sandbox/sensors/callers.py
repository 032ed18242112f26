"""Who asks the model: the processes of a box that hold a connection to its door, seen from the host.

While a model call is held, its client waits with its connection open. Its other end lies in the box too, so
that neither says who it is; the host's ``/proc`` does.
"""

import os
from pathlib import Path
from typing import Final

from sandbox.cgroup import groups

#: Descriptors that are looked at; of a box with more nobody can say who asks.
MAX_DESCRIPTORS: Final = 4_096
#: Waiting for connections, and what is left of one that nobody holds any more.
_NOT_HELD: Final = ("0A", "06")
#: 127.0.0.1 as ``/proc/net/tcp`` and, mapped, ``tcp6`` have it on a little-endian processor.
_LOOPBACK: Final = ("0100007F", "0000000000000000FFFF00000100007F")
_STATUS_BYTES: Final = 2_000


def absent(pid: int) -> str | None:
    """Why it cannot be seen who asks in the box whose first process is ``pid``; None if it can."""
    try:
        (Path("/proc") / str(pid) / "net" / "tcp").read_bytes()
        for name in os.listdir(f"/proc/{pid}/fd")[:1]:
            os.readlink(f"/proc/{pid}/fd/{name}")
    except OSError as error:
        return f"{error.filename}: {error.strerror}"
    return None


def callers(pid: int, port: int) -> list[int] | None:
    """The processes that hold a connection to ``port`` on the box's loopback, by their numbers in the box.

    Args:
        pid: the box's first process as this host sees it.
        port: of the door in the box.

    Returns:
        Ascending; None where it cannot be seen.
    """
    try:
        wanted = _connections(pid, f"{port:04X}")
        left, found = MAX_DESCRIPTORS, set()
        for process in _processes(pid):
            names = _descriptors(process)
            left -= len(names)
            if left < 0:
                return None
            if any(_link(process, name) in wanted for name in names):
                found.add(_in_box(process))
    except (OSError, ValueError, IndexError):
        return None
    return sorted(found)


def _connections(pid: int, port: str) -> set[str]:
    """What descriptors of open connections to the port link to."""
    ends = {f"{address}:{port}" for address in _LOOPBACK}
    found = set()
    for table in ("tcp", "tcp6"):
        path = Path("/proc") / str(pid) / "net" / table
        for line in path.read_text("ascii").splitlines()[1:] if path.exists() else []:
            fields = line.split()
            if fields[2] in ends and fields[3] not in _NOT_HELD:
                found.add(f"socket:[{fields[9]}]")
    return found


def _processes(pid: int) -> list[int]:
    """All processes of the box, as this host sees them."""
    version, paths = groups(pid)
    group = paths["memory"] if version == 1 else paths[""]
    return [int(line) for line in (group / "cgroup.procs").read_text("ascii").split()]


def _descriptors(process: int) -> list[str]:
    try:
        return os.listdir(f"/proc/{process}/fd")
    except (FileNotFoundError, ProcessLookupError):
        return []  # it has ended


def _link(process: int, name: str) -> str:
    try:
        return os.readlink(f"/proc/{process}/fd/{name}")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _in_box(process: int) -> int:
    """The number that a process has in its box."""
    with open(f"/proc/{process}/status", encoding="ascii", errors="replace") as file:
        status = file.read(_STATUS_BYTES)
    (line,) = [line for line in status.splitlines() if line.startswith("NStgid:")]
    return int(line.split()[-1])
