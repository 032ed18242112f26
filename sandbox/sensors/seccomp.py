"""A call that the kernel holds until somebody has answered it: receiving it, asking for it, answering it.

From linux/seccomp.h. A descriptor stands for all processes under one filter.
"""

import errno
import fcntl
import struct
from typing import Final, NamedTuple

_RECEIVE: Final = 0xC0502100
_SEND: Final = 0xC0182101
_IS_HELD: Final = 0x40082102
_NOTIFICATION: Final = struct.Struct("=QIIiIQ6Q")
_ANSWER: Final = struct.Struct("=QqiI")
_CONTINUE: Final = 1


class Held(NamedTuple):
    """A call that waits."""

    #: By which it is answered.
    identity: int
    #: The thread that makes it, as this host numbers it.
    caller: int
    #: Of the system call.
    number: int
    #: As the registers had them.
    arguments: tuple[int, ...]


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
    identity, caller, _, number, _, _, *arguments = _NOTIFICATION.unpack(buffer)
    return Held(identity, caller, number, tuple(arguments))


def is_held(descriptor: int, held: Held) -> bool:
    """Whether a call waits still, so that what was read meanwhile was its caller's and not a successor's."""
    try:
        fcntl.ioctl(descriptor, _IS_HELD, held.identity.to_bytes(8, "little"))
    except FileNotFoundError:
        return False
    return True


def answer(descriptor: int, held: Held, error: int | None) -> None:
    """Lets a call go on, or has it fail with ``error`` (an errno); nothing, if its caller was ended meanwhile."""
    said = (0, 0, _CONTINUE) if error is None else (0, -error, 0)
    try:
        fcntl.ioctl(descriptor, _SEND, _ANSWER.pack(held.identity, *said))
    except OSError:
        return
