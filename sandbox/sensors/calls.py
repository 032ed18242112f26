"""From a held system call to the event that tells of it; the start of a program has a file of its own."""

import os
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final, NamedTuple, TypeVar

from sandbox.sensors import changes, memory, times
from sandbox.sensors.filters import is_refused
from sandbox.sensors.proc import Numbers
from sandbox.sensors.seccomp import Held, signed

#: Calls by which a process would take on other rights, with their number of arguments that are numbers; of all
#: others that are told, none.
_PRIVILEGE: Final = {
    "ptrace": 2, "kill": 2, "socket": 3, "setuid": 1, "setgid": 1, "setreuid": 2, "setregid": 2, "setgroups": 1,
    "setresuid": 3, "setresgid": 3, "setfsuid": 1, "setfsgid": 1, "capset": 0, "prctl": 2, "mknod": 0,
    "mknodat": 0, "tkill": 2, "tgkill": 3, "rt_sigqueueinfo": 2, "rt_tgsigqueueinfo": 3, "pidfd_open": 2,
    "process_vm_readv": 1, "process_vm_writev": 1, "unshare": 1, "setns": 2, "clone": 1,
    "bpf": 1, "keyctl": 1,
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


class Told(NamedTuple):
    """What a call tells. ``key`` is the same for calls that tell the same."""

    kind: str
    data: dict[str, Any]
    key: tuple[object, ...]
    #: Whether ``ppid`` belongs to the data too: it takes as long as all the rest, and most calls are counted only.
    lacks_parent: bool = False


def tell(name: str, held: Held, numbers: Numbers, guarded: Collection[str] = ()) -> Told | None:
    """What a call tells, if anything; what lies behind its pointers is None where it may not be read.

    Args:
        name: the call's.
        held: the call itself.
        numbers: of the caller's box.
        guarded: paths of the box whose change is told wherever they lie.

    Raises:
        OSError: the caller is gone.
    """
    if name in changes.FORMS:
        return _change(changes.change, name, held, numbers, guarded)
    if name in times.FORMS:
        return _change(times.change, name, held, numbers, guarded)
    if name in _LIMITS:
        return _limit(name, held, numbers)
    if name in _TARGETS:
        return _connection(name, held, numbers)
    return _privilege(name, held, numbers)


def parent_of(held: Held, numbers: Numbers) -> int | None:
    """The number in the box of the parent of a call's process; None if either has ended meanwhile."""
    try:
        return numbers.origin(numbers.place(held.caller)).parent or None
    except OSError:
        return None


def _change(
    look: Callable[[int, str, Sequence[int], int, Collection[str]], dict[str, Any] | None],
    name: str, held: Held, numbers: Numbers, guarded: Collection[str],
) -> Told | None:  # fmt: skip
    """What a call tells that would change a file; most change what nobody asks about."""
    found = _read(held, lambda file: look(file, name, held.arguments, held.caller, guarded))
    return None if found is None else _changed("file.change", found, held, numbers)


def _limit(name: str, held: Held, numbers: Numbers) -> Told | None:
    """What a call tells that would raise a limit."""
    found = _read(held, lambda file: changes.limit(file, name, held.arguments, held.caller))
    return None if found is None else _changed("limit.change", found, held, numbers)


def _changed(kind: str, found: dict[str, Any], held: Held, numbers: Numbers) -> Told:
    pid = numbers.in_box(held.caller)
    return Told(kind, {**found, "pid": pid}, (kind, *found.values(), pid), lacks_parent=True)


def _connection(name: str, held: Held, numbers: Numbers) -> Told | None:
    """What a call tells that names another end, if it does."""
    pid = numbers.in_box(held.caller)
    target = _read(held, lambda file: _target(file, name, held.arguments))
    if target == _CONNECTED:
        return None
    family, address, port = target or (None, None, None)
    data = {"call": name, "family": family, "address": address, "port": port, "pid": pid}
    return Told("net.connect", data, (name, family, address, port))


def _privilege(name: str, held: Held, numbers: Numbers) -> Told:
    """What a call for other rights tells."""
    pid = numbers.in_box(held.caller)
    arguments: list[int | str | None] = [signed(value) for value in held.arguments[: _PRIVILEGE.get(name, 0)]]
    if name.startswith("mknod"):
        at = held.arguments[0 if name == "mknod" else 1]
        arguments = [_read(held, lambda file: memory.text(file, at))]
    elif name == "capset":
        header, sets = held.arguments[:2]
        arguments = [_read(held, lambda file: memory.capabilities(file, header, sets))]
    data = {
        "call": name,
        "arguments": arguments,
        "pid": pid,
        "refused": is_refused(name, held.arguments) or None,
    }
    return Told("privilege.call", data, (name, *arguments))


def _read(held: Held, look: Callable[[int], _Value]) -> _Value | None:
    """What ``look`` finds in the caller's memory, an open file; None where that cannot be read."""
    try:
        file = memory.opened(held.caller)
        try:
            return look(file)
        finally:
            os.close(file)
    except OSError:
        return None


def _target(file: int, name: str, arguments: Sequence[int]) -> tuple[str, str, int | None]:
    if name in ("sendmsg", "sendmmsg"):
        found = memory.addresses(file, arguments[1], arguments[2] if name == "sendmmsg" else 1)
        # Of several the first that is not the box itself.
        return next((one for one in found if not one[1].startswith(_OWN)), found[0] if found else _CONNECTED)
    pointer, size = _TARGETS[name]
    return memory.address(file, arguments[pointer], arguments[size] & 0xFFFF)
