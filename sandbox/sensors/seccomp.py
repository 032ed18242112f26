"""A call that the kernel holds until somebody has answered it: receiving it, asking for it, answering it.

From linux/seccomp.h. A descriptor stands for all processes under one filter.
"""

import errno
import fcntl
import struct
from collections.abc import Sequence
from typing import Final, NamedTuple

_RECEIVE: Final = 0xC0502100
_SEND: Final = 0xC0182101
_IS_HELD: Final = 0x40082102
#: Of the notification: identity, caller, flags, number, machine, place in the program, arguments.
_NOTIFICATION: Final = struct.Struct("=8sI4xi12x6Q")
#: What follows the identity in an answer: value, error, flags.
_ANSWER: Final = struct.Struct("=qiI")
_GO_ON: Final = _ANSWER.pack(0, 0, 1)


class Held(NamedTuple):
    """A call that waits."""

    #: By which it is answered.
    identity: bytes
    #: The thread that makes it, as this host numbers it.
    caller: int
    #: Of the system call.
    number: int
    #: As the registers had them.
    arguments: Sequence[int]


def receive(descriptor: int) -> Held | None:
    """The next call; None if its caller was ended meanwhile. Waits for none where the descriptor is readable.

    Raises:
        OSError: there will be none.
    """
    buffer = bytearray(_NOTIFICATION.size)
    try:
        fcntl.ioctl(descriptor, _RECEIVE, buffer)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.EINTR):
            return None
        raise
    identity, caller, number, *arguments = _NOTIFICATION.unpack(buffer)
    return Held(identity, caller, number, arguments)


def is_held(descriptor: int, held: Held) -> bool:
    """Whether a call waits still, so that what was read meanwhile was its caller's and not a successor's."""
    try:
        fcntl.ioctl(descriptor, _IS_HELD, held.identity)
    except FileNotFoundError:
        return False
    return True


def answer(descriptor: int, held: Held, error: int | None) -> None:
    """Lets a call go on, or has it fail with ``error`` (an errno); nothing, if its caller was ended meanwhile."""
    said = _GO_ON if error is None else _ANSWER.pack(0, -error, 0)
    try:
        fcntl.ioctl(descriptor, _SEND, held.identity + said)
    except OSError:
        return


def signed(value: int) -> int:
    """The C ``int`` in a register, such as an argument of a call."""
    low = value & 0xFFFFFFFF
    return low - 2**32 if low >= 2**31 else low
