"""From a held system call to the event that tells of it."""

from collections.abc import Callable, Collection
from typing import Any, Final, NamedTuple, TypeVar

from sandbox.sensors import changes
from sandbox.sensors.filters import REFUSED
from sandbox.sensors.memory import Memory
from sandbox.sensors.paths import AT_CWD, named
from sandbox.sensors.proc import Numbers

#: Calls by which a process would take on other rights, with their number of arguments that are numbers; of all
#: others that are told, none.
_PRIVILEGE: Final = {
    "ptrace": 2, "kill": 2, "socket": 3, "setuid": 1, "setgid": 1, "setreuid": 2, "setregid": 2, "setgroups": 1,
    "setresuid": 3, "setresgid": 3, "setfsuid": 1, "setfsgid": 1, "capset": 0, "prctl": 2, "mknod": 0,
    "mknodat": 0, "tkill": 2, "tgkill": 3, "rt_sigqueueinfo": 2, "rt_tgsigqueueinfo": 3, "pidfd_open": 2,
    "process_vm_readv": 1, "process_vm_writev": 1, "unshare": 1, "setns": 2,
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
#: How addresses of the box itself begin.
_OWN: Final = ("127.", "::1")


_Value = TypeVar("_Value")


class Call(NamedTuple):
    """A held call: its name, its six arguments as the registers had them, and its caller on this host."""

    name: str
    arguments: tuple[int, ...]
    caller: int


class Told(NamedTuple):
    """What a call tells. ``key`` is the same for calls that tell the same, None where each counts."""

    kind: str
    data: dict[str, Any]
    key: tuple[object, ...] | None
    #: Whether ``ppid`` belongs to the data too: it takes as long as all the rest, and most calls are counted only.
    lacks_parent: bool = False


def tell(call: Call, numbers: Numbers, guarded: Collection[str] = ()) -> Told | None:
    """What a call tells, if anything; what lies behind its pointers is None where it may not be read.

    Args:
        call: is held.
        numbers: of the caller's box.
        guarded: paths of the box whose change is told wherever they lie.

    Raises:
        OSError: the caller is gone.
    """
    if call.name in changes.FORMS or call.name in _LIMITS:
        return _change(call, numbers, guarded)
    if call.name == "execve":
        return _program(call, numbers)
    pid = numbers.in_box(call.caller)
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
    arguments: list[int | str | None] = [
        _signed(value) for value in call.arguments[: _PRIVILEGE.get(call.name, 0)]
    ]
    if call.name.startswith("mknod"):
        at = 0 if call.name == "mknod" else 1
        arguments = [_read(call, lambda memory, call: memory.text(call.arguments[at]))]
    elif call.name == "capset":
        arguments = [_read(call, lambda memory, call: memory.capabilities(*call.arguments[:2]))]
    data = {"call": call.name, "arguments": arguments, "pid": pid, "refused": call.name in REFUSED or None}
    return Told("privilege.call", data, (call.name, *arguments))


def parent_of(call: Call, pid: int, numbers: Numbers) -> int | None:
    """The number in the box of the parent of a call's process ``pid``; None if either has ended meanwhile."""
    try:
        return numbers.origin(call.caller, pid).parent or None
    except OSError:
        return None


def _change(call: Call, numbers: Numbers, guarded: Collection[str]) -> Told | None:
    """What a call tells that would change a file or raise a limit; most change what nobody asks about."""

    def look(memory: Memory, call: Call) -> dict[str, Any] | None:
        if call.name in _LIMITS:
            return changes.limit(memory, call.name, call.arguments, call.caller)
        return changes.change(memory, call.name, call.arguments, call.caller, guarded)

    found = _read(call, look)
    if found is None:
        return None
    kind = "limit.change" if call.name in _LIMITS else "file.change"
    pid = numbers.in_box(call.caller)
    return Told(kind, {**found, "pid": pid}, (kind, *found.values(), pid), lacks_parent=True)


def _program(call: Call, numbers: Numbers) -> Told:
    """What running a program tells. Its memory and its origin are looked at through the same /proc, since each
    that shows a process has to make its files first."""
    pid = numbers.in_box(call.caller)
    path: str | None
    argv: list[str] | None
    try:
        with Memory(numbers.open("mem", call.caller, pid)) as memory:
            path, argv = memory.text(call.arguments[0]), memory.words(call.arguments[1])
        if path and not path.startswith("/"):
            path = named(call.caller, AT_CWD, path, follow=True)
    except OSError:
        path, argv = None, None
    parent, started = numbers.origin(call.caller, pid)
    return Told(
        "process.exec",
        {"pid": pid, "started": started, "path": path, "argv": argv, "ppid": parent or None},
        None,
    )


def _read(call: Call, look: Callable[[Memory, Call], _Value]) -> _Value | None:
    try:
        with Memory.of(call.caller) as memory:
            return look(memory, call)
    except OSError:
        return None


def _target(memory: Memory, call: Call) -> tuple[str, str, int | None]:
    arguments = call.arguments
    if call.name in ("sendmsg", "sendmmsg"):
        found = memory.addresses(arguments[1], arguments[2] if call.name == "sendmmsg" else 1)
        # Of several the first that is not the box itself.
        return next((one for one in found if not one[1].startswith(_OWN)), found[0] if found else _CONNECTED)
    pointer, size = _TARGETS[call.name]
    return memory.address(arguments[pointer], arguments[size] & 0xFFFF)


def _signed(value: int) -> int:
    """The C ``int`` in a register."""
    low = value & 0xFFFFFFFF
    return low - 2**32 if low >= 2**31 else low
