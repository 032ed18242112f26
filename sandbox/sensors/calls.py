"""From a held system call to the event that tells of it."""

import os
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeVar

from sandbox.sensors import changes
from sandbox.sensors.memory import Memory

#: Calls by which a process would take on other rights, with their number of arguments that are numbers.
_PRIVILEGE: Final = {
    "ptrace": 2, "kill": 2, "socket": 3, "setuid": 1, "setgid": 1, "setreuid": 2, "setregid": 2, "setgroups": 1,
    "setresuid": 3, "setresgid": 3, "setfsuid": 1, "setfsgid": 1, "capset": 0, "prctl": 2, "mknod": 0,
    "mknodat": 0, "tkill": 2, "tgkill": 3, "rt_sigqueueinfo": 2, "rt_tgsigqueueinfo": 3, "pidfd_open": 2,
}  # fmt: skip
#: Of these, calls by which one that may changes who it is.
IDENTITY: Final = frozenset({
    "setuid", "setgid", "setreuid", "setregid", "setgroups", "setresuid", "setresgid", "setfsuid", "setfsgid", "capset",
})  # fmt: skip
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
    if call.name in changes.FORMS or call.name in _LIMITS:
        return _change(call, guarded)
    who = _look_up(call.caller)
    pid = who.pid
    if call.name == "execve":
        path, argv = _read(call, _program) or (None, None)
        data: dict[str, Any] = {"pid": pid, "ppid": _parent(who.parent), "started": _started(who.process)}
        return Told("process.exec", {**data, "path": path, "argv": argv}, None)
    if call.name in _TARGETS:
        target = _read(call, _target)
        if target == _CONNECTED:
            return None
        family, address, port = target or (None, None, None)
        data = {"call": call.name, "family": family, "address": address, "port": port, "pid": pid}
        return Told("net.connect", data, (call.name, family, address, port))
    arguments: list[int | str | None] = [_signed(value) for value in call.arguments[: _PRIVILEGE[call.name]]]
    if call.name.startswith("mknod"):
        at = 0 if call.name == "mknod" else 1
        arguments = [_read(call, lambda memory, call: memory.text(call.arguments[at]))]
    elif call.name == "capset":
        arguments = [_read(call, lambda memory, call: memory.capabilities(*call.arguments[:2]))]
    data = {"call": call.name, "arguments": arguments, "pid": pid, "refused": call.name in REFUSED or None}
    return Told("privilege.call", data, (call.name, *arguments))


def _change(call: Call, guarded: Collection[str]) -> Told | None:
    """What a call tells that would change a file or raise a limit; most change what nobody asks about."""

    def look(memory: Memory, call: Call) -> dict[str, Any] | None:
        if call.name in _LIMITS:
            return changes.limit(memory, call.name, call.arguments, call.caller)
        return changes.change(memory, call.name, call.arguments, call.caller, guarded)

    found = _read(call, look)
    if found is None:
        return None
    kind = "limit.change" if call.name in _LIMITS else "file.change"
    who = _look_up(call.caller)
    return Told(
        kind, {**found, "pid": who.pid, "ppid": _parent(who.parent)}, (kind, *found.values(), who.pid)
    )


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


class _Who(NamedTuple):
    """A caller's process, of which it may be any thread."""

    #: In its box.
    pid: int
    #: On this host, like ``parent``.
    process: int
    parent: int


def _look_up(caller: int) -> _Who:
    """
    Raises:
        OSError: it is gone.
    """
    text = _file(f"/proc/{caller}/status")
    return _Who(
        int(_field(text, b"NStgid").split()[-1]), int(_field(text, b"Tgid")), int(_field(text, b"PPid"))
    )


def _file(path: str) -> bytes:
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(file, _STATUS_BYTES)
    finally:
        os.close(file)


def _field(status: bytes, name: bytes) -> bytes:
    return status.partition(b"\n" + name + b":\t")[2].partition(b"\n")[0]


def _parent(process: int) -> int | None:
    """The number of a parent in its box; None if it has ended meanwhile."""
    try:
        return _look_up(process).pid
    except OSError:
        return None


def _started(process: int) -> int:
    """When a process started, in clock ticks since the machine did: with its number, which one it is.

    Raises:
        OSError: it is gone.
    """
    # Fields after the name in brackets: state, ppid, …; the 20th is the start.
    return int(_file(f"/proc/{process}/stat").rpartition(b")")[2].split()[19])
