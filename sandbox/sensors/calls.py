"""From a held system call to the event that tells of it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from sandbox.sensors.memory import Memory

#: Calls by which a process would take on other rights, with their number of arguments that are numbers.
_PRIVILEGE: Final = {
    "ptrace": 2, "kill": 2, "socket": 3, "setuid": 1, "setgid": 1, "setreuid": 2, "setregid": 2, "setgroups": 1,
    "setresuid": 3, "setresgid": 3, "setfsuid": 1, "setfsgid": 1, "capset": 0, "mknod": 0, "mknodat": 0,
}  # fmt: skip
#: What the host answers with EPERM; the kernel decides on all others.
REFUSED: Final = frozenset({"ptrace"})


_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class Call:
    """A held call: its name, its six arguments as the registers had them, and its caller on this host."""

    name: str
    arguments: tuple[int, ...]
    caller: int


@dataclass(frozen=True, slots=True)
class Told:
    """What a call tells. ``key`` is the same for calls that tell the same, None where each counts."""

    kind: str
    data: dict[str, Any]
    key: tuple[object, ...] | None


def tell(call: Call) -> Told:
    """What a call tells; what lies behind its pointers is None where it may not be read.

    Raises:
        OSError: the caller is gone.
    """
    pid, parent = _in_box(call.caller)
    if call.name == "execve":
        read = _read(call, lambda memory, a: (memory.text(a[0]), memory.words(a[1])))
        path, argv = read or (None, None)
        return Told("process.exec", {"pid": pid, "ppid": _parent(parent), "path": path, "argv": argv}, None)
    if call.name in ("connect", "sendto"):
        pointer, size = (1, 2) if call.name == "connect" else (4, 5)
        target = _read(call, lambda memory, a: memory.address(a[pointer], a[size] & 0xFFFF))
        family, address, port = target or (None, None, None)
        data: dict[str, Any] = {
            "call": call.name,
            "family": family,
            "address": address,
            "port": port,
            "pid": pid,
        }
        return Told("net.connect", data, (call.name, family, address, port))
    arguments: list[int | str | None] = [_signed(value) for value in call.arguments[: _PRIVILEGE[call.name]]]
    if call.name.startswith("mknod"):
        at = 0 if call.name == "mknod" else 1
        arguments = [_read(call, lambda memory, a: memory.text(a[at]))]
    data = {"call": call.name, "arguments": arguments, "pid": pid, "refused": call.name in REFUSED or None}
    return Told("privilege.call", data, (call.name, *arguments))


def _read(call: Call, look: Callable[[Memory, tuple[int, ...]], _Value]) -> _Value | None:
    try:
        with Memory(call.caller) as memory:
            return look(memory, call.arguments)
    except OSError:
        return None


def _signed(value: int) -> int:
    """The C ``int`` in a register."""
    low = value & 0xFFFFFFFF
    return low - 2**32 if low >= 2**31 else low


def _in_box(pid: int) -> tuple[int, int]:
    """The number that a process (by any of its threads) has in its box, and its parent's on this host.

    Raises:
        OSError: it is gone.
    """
    fields = dict(
        line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line
    )
    return int(fields["NStgid"].split()[-1]), int(fields["PPid"])


def _parent(pid: int) -> int | None:
    """The number of a parent in its box; None if it has ended meanwhile."""
    try:
        return _in_box(pid)[0]
    except OSError:
        return None
