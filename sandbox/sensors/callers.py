"""Who asks the model: the processes of a box that hold a connection to its door, seen from the host.

While a model call is held, its client waits with its connection open. Its other end lies in the box too, so
that neither says who it is; the client's descriptors do.
"""

import contextlib
import ctypes
import os
import socket
from typing import Final

from sandbox.cgroup import groups
from sandbox.sensors.proc import number_in_box, origin

#: Descriptors that are looked at; of a box with more nobody can say who asks.
MAX_DESCRIPTORS: Final = 4_096
#: pidfd_getfd(2), of the same number on every processor.
_GETFD: Final = 438
_HOSTS: Final = ("127.0.0.1", "::ffff:127.0.0.1")
_LIBC: Final = ctypes.CDLL(None, use_errno=True)


class Callers:
    """Looks into one box, made before anything of the agent's runs. ``absent`` says why it cannot."""

    def __init__(self, pid: int) -> None:
        """``pid`` is the box's first process as this host sees it."""
        self.absent: str | None = None
        #: The box's own processes and when each started, by which a later one of its number is told apart.
        self._own: dict[int, int] = {}
        try:
            version, paths = groups(pid)
            self._processes = (paths["memory"] if version == 1 else paths[""]) / "cgroup.procs"
            for process in self._listed():
                with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                    self._own[process] = origin(process).started
            # The canary: the box's runner holds its connection to this host.
            if not any(_can_be_taken(pid, name) for name in os.listdir(f"/proc/{pid}/fd")):
                self.absent = "no connection of the box's runner is seen"
        except OSError as error:
            self.absent = f"{error.filename or 'pidfd_getfd'}: {error.strerror}"

    def holding(self, port: int) -> list[int] | None:
        """The processes that hold a connection to ``port`` on the box's loopback, by their numbers in the box.

        Returns:
            Ascending; None where it cannot be seen.
        """
        if self.absent is not None:
            return None
        left, found = MAX_DESCRIPTORS, set()
        try:
            for process in self._listed():
                if self._is_own(process):
                    continue
                names = _descriptors(process)
                left -= len(names)
                if left < 0:
                    return None
                if any(_is_socket(process, name) and _leads_to(process, int(name), port) for name in names):
                    found.add(number_in_box(process))
        except (OSError, ValueError):
            return None
        return sorted(found)

    def _listed(self) -> list[int]:
        with open(self._processes, "rb", buffering=0) as file:
            return [int(number) for number in file.read().split()]

    def _is_own(self, process: int) -> bool:
        started = self._own.get(process)
        try:
            return started is not None and origin(process).started == started
        except OSError:
            return False  # it has ended


def _descriptors(process: int) -> list[str]:
    try:
        return os.listdir(f"/proc/{process}/fd")
    except (FileNotFoundError, ProcessLookupError):
        return []  # it has ended


def _is_socket(process: int, name: str) -> bool:
    try:
        return os.readlink(f"/proc/{process}/fd/{name}").startswith("socket:")
    except (FileNotFoundError, ProcessLookupError):
        return False


def _can_be_taken(process: int, name: str) -> bool:
    held = _taken(process, int(name)) if _is_socket(process, name) else None
    if held is not None:
        held.close()
    return held is not None


def _leads_to(process: int, descriptor: int, port: int) -> bool:
    held = _taken(process, descriptor)
    if held is None:
        return False
    with held:
        try:
            peer = held.getpeername()
        except OSError:
            return False  # not connected
    return isinstance(peer, tuple) and peer[0] in _HOSTS and peer[1] == port


def _taken(process: int, descriptor: int) -> socket.socket | None:
    """The same socket, held by this process too; None if it is not there any more.

    Raises:
        OSError: this user or this kernel may not.
    """
    try:
        handle = os.pidfd_open(process)
    except ProcessLookupError:
        return None
    try:
        copied = _LIBC.syscall(_GETFD, handle, descriptor, 0)
    finally:
        os.close(handle)
    if copied >= 0:
        return socket.socket(fileno=copied)
    if (code := ctypes.get_errno()) in (9, 3):  # EBADF, ESRCH: closed, or ended, meanwhile
        return None
    raise OSError(code, os.strerror(code))
