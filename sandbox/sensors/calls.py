"""From a held system call to the event that tells of it."""

import os
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from sandbox.sensors import changes
from sandbox.sensors.memory import Memory

#: Calls by which a process would take on other rights, with their number of arguments that are numbers.
_PRIVILEGE: Final = {
    "ptrace": 2, "kill": 2, "socket": 3, "setuid": 1, "setgid": 1, "setreuid": 2, "setregid": 2, "setgroups": 1,
    "setresuid": 3, "setresgid": 3, "setfsuid": 1, "setfsgid": 1, "capset": 0, "mknod": 0, "mknodat": 0,
}  # fmt: skip
#: Calls that name another end: which arguments hold its address and size, zeros where a message holds them.
_TARGETS: Final = {"connect": (1, 2), "sendto": (4, 5), "sendmsg": (0, 0), "sendmmsg": (0, 0)}
#: Calls that set a limit of a process.
_LIMITS: Final = frozenset({"setrlimit", "prlimit64"})
#: The end that a message without an address goes to: `connect` told of it.
_CONNECTED: Final = ("", "", None)
#: Of ``/proc/PID/status``; what is looked for stands among its first lines.
_STATUS_BYTES: Final = 2_000
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


def tell(call: Call, guarded: Collection[str] = ()) -> Told | None:
    """What a call tells, if anything; what lies behind its pointers is None where it may not be read.

    ``guarded``: paths of the box whose change is told wherever they lie.

    Raises:
        OSError: the caller is gone.
    """
    pid, parent = _in_box(call.caller)
    if call.name == "execve":
        read = _read(call, _program)
        path, argv = read or (None, None)
        return Told("process.exec", {"pid": pid, "ppid": _parent(parent), "path": path, "argv": argv}, None)
    if call.name in _TARGETS:
        target = _read(call, _target)
        if target == _CONNECTED:
            return None
        family, address, port = target or (None, None, None)
        data: dict[str, Any] = {
            "call": call.name,
            "family": family,
            "address": address,
            "port": port,
            "pid": pid,
        }
        return Told("net.connect", data, (call.name, family, address, port))
    if call.name in changes.FORMS or call.name in _LIMITS:
        return _change(call, pid, _parent(parent), guarded)
    arguments: list[int | str | None] = [_signed(value) for value in call.arguments[: _PRIVILEGE[call.name]]]
    if call.name.startswith("mknod"):
        at = 0 if call.name == "mknod" else 1
        arguments = [_read(call, lambda memory, call: memory.text(call.arguments[at]))]
    data = {"call": call.name, "arguments": arguments, "pid": pid, "refused": call.name in REFUSED or None}
    return Told("privilege.call", data, (call.name, *arguments))


def _change(call: Call, pid: int, parent: int | None, guarded: Collection[str]) -> Told | None:
    """What a call tells that would change a file or raise a limit."""

    def look(memory: Memory, call: Call) -> dict[str, Any] | None:
        if call.name in _LIMITS:
            return changes.limit(memory, call.name, call.arguments, call.caller)
        return changes.change(memory, call.name, call.arguments, call.caller, guarded)

    found = _read(call, look)
    if found is None:
        return None
    kind = "limit.change" if call.name in _LIMITS else "file.change"
    return Told(kind, {**found, "pid": pid, "ppid": parent}, (kind, *found.values(), pid))


def _read(call: Call, look: Callable[[Memory, Call], _Value]) -> _Value | None:
    try:
        with Memory(call.caller) as memory:
            return look(memory, call)
    except OSError:
        return None


def _program(memory: Memory, call: Call) -> tuple[str, list[str]]:
    return memory.text(call.arguments[0]), memory.words(call.arguments[1])


def _target(memory: Memory, call: Call) -> tuple[str, str, int | None]:
    arguments = call.arguments
    if call.name in ("sendmsg", "sendmmsg"):
        pointer, size = memory.message(arguments[1], arguments[2] if call.name == "sendmmsg" else 1)
        return memory.address(pointer, size) if pointer else _CONNECTED
    pointer, size = _TARGETS[call.name]
    return memory.address(arguments[pointer], arguments[size] & 0xFFFF)


def _signed(value: int) -> int:
    """The C ``int`` in a register."""
    low = value & 0xFFFFFFFF
    return low - 2**32 if low >= 2**31 else low


def _in_box(pid: int) -> tuple[int, int]:
    """The number that a process (by any of its threads) has in its box, and its parent's on this host.

    Raises:
        OSError: it is gone.
    """
    status = os.open(f"/proc/{pid}/status", os.O_RDONLY | os.O_CLOEXEC)
    try:
        text = os.read(status, _STATUS_BYTES)
    finally:
        os.close(status)
    return int(_field(text, b"NStgid").split()[-1]), int(_field(text, b"PPid"))


def _field(status: bytes, name: bytes) -> bytes:
    return status.partition(b"\n" + name + b":\t")[2].partition(b"\n")[0]


def _parent(pid: int) -> int | None:
    """The number of a parent in its box; None if it has ended meanwhile."""
    try:
        return _in_box(pid)[0]
    except OSError:
        return None
