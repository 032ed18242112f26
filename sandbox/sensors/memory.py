"""What lies behind the pointers of a call that is held: read from the caller's memory.

Needs root. Everything read is the agent's making: bounded, never trusted.
The caller must hold still, and whoever reads must ask afterwards whether it still did.
"""

import os
import socket
import struct
from typing import Final

ARGV_BYTES: Final = 1_000
_PATH_BYTES: Final = 4_096
_WORDS: Final = 64
_ADDRESS_BYTES: Final = 128
_MESSAGES: Final = 1_024
_POINTER: Final = struct.Struct("=Q")
#: Of a ``struct __user_cap_header_struct``, from linux/capability.h.
_VERSION_1: Final = struct.pack("=I", 0x19980330)
_FAMILIES: Final = {1: "unix", 2: "inet", 10: "inet6", 16: "netlink"}


def opened(pid: int) -> int:
    """The memory of a process, to be read by the functions below; for the caller to close.

    Raises:
        OSError: it may not be read, or the process is gone.
    """
    return os.open(f"/proc/{pid}/mem", os.O_RDONLY | os.O_CLOEXEC)


def content(file: int, address: int, size: int) -> bytes:
    """At most ``size`` bytes; fewer where a mapping ends, none where there is none."""
    try:
        return os.pread(file, size, address)
    except (OSError, OverflowError):  # the latter: an address of the kernel's
        return b""


def text(file: int, address: int, most: int = _PATH_BYTES) -> str:
    """The text that ends with a zero byte, cut to ``most`` bytes."""
    try:
        raw = os.pread(file, most, address)
    except (OSError, OverflowError):
        return ""
    return raw.partition(b"\0")[0].decode("utf-8", "replace")


def words(file: int, address: int) -> list[str]:
    """The texts of an array of pointers, the first ones, together at most ``ARGV_BYTES`` long."""
    raw = content(file, address, 8 * _WORDS)
    words, room = [], ARGV_BYTES
    for (pointer,) in _POINTER.iter_unpack(raw if len(raw) == 8 * _WORDS else raw[: len(raw) // 8 * 8]):
        if pointer == 0 or room <= 0:
            break
        word = text(file, pointer, room)
        words.append(word)
        room -= len(word) + 1
    return words


def capabilities(file: int, header: int, sets: int) -> int:
    """What a ``capset`` asks for in any of its sets, a bit for each capability; 0 where it would give all
    up. Sets are of 32 bits in version 1, of 64 in all later ones."""
    raw = content(file, sets, 12 if content(file, header, 4) == _VERSION_1 else 24)
    asked = 0
    for number, (word,) in enumerate(struct.iter_unpack("=I", raw[: len(raw) // 4 * 4])):
        asked |= word << 32 * (number // 3)
    return asked


def addresses(file: int, place: int, most: int = 1) -> list[tuple[str, str, int | None]]:
    """The different addresses of ``most`` messages, in order, of those that have one; see ``address``. A ``struct
    msghdr`` begins with where it lies and its size; in a ``struct mmsghdr`` one comes every 64 bytes."""
    raw = content(file, place, 64 * min(most, _MESSAGES))
    places = dict.fromkeys(struct.unpack_from("=QI", raw, at) for at in range(0, len(raw) - 11, 64))
    return [address(file, pointer, size) for pointer, size in places if pointer]


def address(file: int, address: int, size: int) -> tuple[str, str, int | None]:
    """Family, address and port of a ``struct sockaddr`` of ``size`` bytes; port None where it has none."""
    raw = content(file, address, min(size, _ADDRESS_BYTES))
    if len(raw) < 2:
        return "none", "", None
    (number,) = struct.unpack_from("=H", raw)
    # Of no family an address is one of IPv4 to whoever sends over UDP.
    family = "inet" if number == 0 and len(raw) >= 8 else _FAMILIES.get(number, str(number))
    if family == "inet" and len(raw) >= 8:
        return family, socket.inet_ntop(socket.AF_INET, raw[4:8]), int.from_bytes(raw[2:4])
    if family == "inet6" and len(raw) >= 24:
        return family, socket.inet_ntop(socket.AF_INET6, raw[8:24]), int.from_bytes(raw[2:4])
    if family == "unix":
        # An abstract name begins with a zero byte and may hold more.
        path = raw[2:].rstrip(b"\0") if raw[2:3] == b"\0" else raw[2:].partition(b"\0")[0]
        return family, path.decode("utf-8", "replace"), None
    return family, raw[2:].hex(), None
