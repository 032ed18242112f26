"""Who asks the model: the processes of a box that hold a connection to its door, seen from the host.

While a model call is held, its client waits with its connection open. No end of that says who it is; the
descriptors of the box's processes do, and the address of the client's end says which connection it is.
"""

import contextlib
import ctypes
import os
import socket
from typing import Final

from sandbox.http import Address
from sandbox.sensors.cgroup import groups
from sandbox.sensors.proc import number_in_box, origin

#: Descriptors that are looked at; of a box with more nobody can say who asks.
MAX_DESCRIPTORS: Final = 4_096
#: pidfd_getfd(2), of the same number on every processor.
_GETFD: Final = 438
_HOST: Final = "127.0.0.1"
#: Of an IPv4 address at a socket of IPv6.
_MAPPED: Final = "::ffff:"
_LIBC: Final = ctypes.CDLL(None, use_errno=True)


class Callers:
    """Looks into one box, made before anything of the agent's runs. ``absent`` says why it cannot."""

    def __init__(self, pid: int) -> None:
        """``pid`` is the box's first process as this host sees it."""
        self.absent: str | None = None
        #: The box's own processes and when each started, by which a later one of its number is told apart.
        self._own: dict[int, int] = {}
        #: The connection that was looked for last, and what /proc calls the socket at its client's end.
        self._last: tuple[Address, str] | None = None
        try:
            version, paths = groups(pid)
            self._processes = (paths["memory"] if version == 1 else paths[""]) / "cgroup.procs"
            for process in self._listed():
                with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                    self._own[process] = origin(f"/proc/{process}").started
            # The canary: the box's runner holds its connection to this host.
            if not any(_can_be_taken(pid, name) for name in os.listdir(f"/proc/{pid}/fd")):
                self.absent = "no connection of the box's runner is seen"
        except OSError as error:
            self.absent = f"{error.filename or 'pidfd_getfd'}: {error.strerror}"

    def holding(self, port: int, client: Address | None = None) -> list[int] | None:
        """The processes that hold a connection to ``port`` on the box's loopback, by their numbers in the box.

        Args:
            port: where the connection leads.
            client: the other end of the one that is meant, the same object for each call over it; None: any.

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
                if any(self._is_meant(process, name, port, client) for name in names):
                    found.add(number_in_box(process))
        except (OSError, ValueError):
            return None
        return sorted(found)

    def _is_meant(self, process: int, name: str, port: int, client: Address | None) -> bool:
        """Whether a descriptor is of the connection: all of one connection are of one socket."""
        held = _socket(process, name)
        # Not an equal address: another connection may have come from it since.
        if held is not None and self._last is not None and client is self._last[0]:
            return held == self._last[1]
        if held is None or not _leads_to(process, int(name), port, client):
            return False
        if client is not None:
            self._last = client, held
        return True

    def _listed(self) -> list[int]:
        with open(self._processes, "rb", buffering=0) as file:
            return [int(number) for number in file.read().split()]

    def _is_own(self, process: int) -> bool:
        started = self._own.get(process)
        try:
            return started is not None and origin(f"/proc/{process}").started == started
        except OSError:
            return False  # it has ended


def _descriptors(process: int) -> list[str]:
    try:
        return os.listdir(f"/proc/{process}/fd")
    except (FileNotFoundError, ProcessLookupError):
        return []  # it has ended


def _socket(process: int, name: str) -> str | None:
    """What /proc calls the socket that a descriptor is of; None if it is of none."""
    try:
        held = os.readlink(f"/proc/{process}/fd/{name}")
    except (FileNotFoundError, ProcessLookupError):
        return None
    return held if held.startswith("socket:") else None


def _can_be_taken(process: int, name: str) -> bool:
    held = None if _socket(process, name) is None else _taken(process, int(name))
    if held is not None:
        held.close()
    return held is not None


def _leads_to(process: int, descriptor: int, port: int, client: Address | None) -> bool:
    held = _taken(process, descriptor)
    if held is None:
        return False
    with held:
        try:
            peer, own = _address(held.getpeername()), _address(held.getsockname())
        except OSError:
            return False  # not connected
    return peer == (_HOST, port) and client in (None, own)


def _address(name: object) -> Address | None:
    """The address that a socket's name holds; None where it has none of IPv4."""
    match name:
        case (str() as host, int() as port, *_):
            return host.removeprefix(_MAPPED), port
    return None


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
