"""The filter by which the host is told of a program's rare system calls, before the program starts.

The host makes the filters and answers the calls; here they are installed, and the descriptor over
which the calls come is handed to the host and kept by nobody in the box.
"""

import ctypes
import os
import platform
import socket

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
            except OSError:
                self._host.send(b"-")
        _install(self._plain, 0)

    def _tell(self) -> None:
        try:
            # Without the second flag (before Linux 5.19) a call that a signal interrupts is told again.
            descriptor = _install(self._telling, _NEW_LISTENER | _WAIT_KILLABLE)
        except OSError:
            descriptor = _install(self._telling, _NEW_LISTENER)
        socket.send_fds(self._host, [b"+"], [descriptor])
        # Whoever holds it can answer calls.
        os.close(descriptor)

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


def _install(code: bytes, flags: int) -> int:
    program = _Program(len(code) // _INSTRUCTION_BYTES, code)
    done = _LIBC.syscall(_SECCOMP[platform.machine()], _SET_FILTER, flags, ctypes.byref(program))
    if done < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"seccomp: {os.strerror(number)}")
    return done
