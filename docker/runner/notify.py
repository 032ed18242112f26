"""The filter by which the host is told of a program's rare system calls, before the program starts.

The host makes the filters and answers the calls; here they are installed, and the descriptor over
which the calls come is handed to the host and kept by nobody in the box.
"""

import ctypes
import os
import platform
import queue
import socket
import threading

#: What the canary does, and the host must have been told of.
CANARY_PATH = "/canary"
CANARY_ADDRESS = ("192.0.2.1", 9)

_SECCOMP = {"x86_64": 317, "aarch64": 277}
_SET_FILTER = 1
_NEW_LISTENER, _WAIT_KILLABLE = 1 << 3, 1 << 5
_INSTRUCTION_BYTES = 8
_LIBC = ctypes.CDLL(None, use_errno=True)


class _Program(ctypes.Structure):
    """``struct sock_fprog``."""

    _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_char_p))


class _Handing:
    """Hands a descriptor over from a thread that started before the filter was there: `sendmsg` is told
    too, and nobody could be told of this one."""

    def __init__(self, host: socket.socket) -> None:
        self._host = host
        self._made: queue.SimpleQueue = queue.SimpleQueue()
        self._done: queue.SimpleQueue = queue.SimpleQueue()
        threading.Thread(target=self._work, daemon=True).start()

    def hand(self, descriptor: int) -> None:
        """Raises OSError if the host is gone."""
        self._made.put(descriptor)
        if (error := self._done.get()) is not None:
            raise error

    def _work(self) -> None:
        try:
            socket.send_fds(self._host, [b"+"], [self._made.get()])
            self._done.put(None)
        except OSError as error:
            self._done.put(error)


class Notify:
    """What a child does, as the agent's user, right before it runs a program."""

    def __init__(self, host: socket.socket, hello: dict) -> None:
        """``hello``: the host's filters ``telling`` and ``plain`` in hexadecimal, and the canary's word."""
        self._host = host
        self._telling = bytes.fromhex(hello["telling"])
        self._plain = bytes.fromhex(hello["plain"])
        self._token = hello["token"]
        #: Why the host cannot be told; None while it can.
        self.absent = None

    def enter(self) -> None:
        """Installs the filter of this process and of all that it starts.

        Raises:
            OSError: the kernel takes no filter at all; nothing may be started then.
        """
        if self.absent is None:
            try:
                self._tell()
                return
            except (OSError, RuntimeError):  # RuntimeError: no thread is left to the box
                self._host.send(b"-")
        self.confine()

    def confine(self) -> None:
        """Installs the filter of which nobody is told.

        Raises:
            OSError: the kernel takes no filter at all.
        """
        _install(self._plain, 0)

    def _tell(self) -> None:
        handing = _Handing(self._host)
        try:
            # Without the second flag (before Linux 5.19) a call that a signal interrupts is told again.
            descriptor = _install(self._telling, _NEW_LISTENER | _WAIT_KILLABLE)
        except OSError:
            descriptor = _install(self._telling, _NEW_LISTENER)
        try:
            handing.hand(descriptor)
        finally:
            os.close(descriptor)  # whoever holds it can answer calls

    def canary(self) -> None:
        """Makes one call of each kind, none of which can succeed.

        Raises:
            OSError: the host cannot be told, and why.
        """
        self._tell()
        acts = (
            lambda: os.execve(CANARY_PATH, [self._token], {}),
            lambda: socket.socket().connect(CANARY_ADDRESS),
            lambda: os.setresuid(0, 0, 0),
        )
        for act in acts:
            try:
                act()
            except OSError:
                continue


def hang_up() -> None:
    """Calls for what nobody here may do, and what would do nothing: the host's kernel sensor, which is told in
    order, has then been told of all before it."""
    _LIBC.vhangup()


def _install(code: bytes, flags: int) -> int:
    program = _Program(len(code) // _INSTRUCTION_BYTES, code)
    done = _LIBC.syscall(_SECCOMP[platform.machine()], _SET_FILTER, flags, ctypes.byref(program))
    if done < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"seccomp: {os.strerror(number)}")
    return done
