"""From a held system call that would change a file, or a limit of a process, to what it tells."""

import struct
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from sandbox.sensors.memory import Memory
from sandbox.sensors.paths import is_told, named
from sandbox.startup import runs

_AT_CWD: Final = -100
#: Opening a file so as to empty it.
_TRUNCATE: Final = 0o1000


@dataclass(frozen=True, slots=True)
class _Form:
    """Which arguments hold a path, each with the argument that holds its directory (None: where it works)."""

    paths: tuple[tuple[int | None, int], ...]
    #: Whether a link in the last place of the first path is followed.
    follow: bool = False


#: Every call that is told as ``file.change``.
FORMS: Final = {
    "open": _Form(((None, 0),), True), "openat": _Form(((0, 1),), True), "openat2": _Form(((0, 1),), True),
    "creat": _Form(((None, 0),), True), "truncate": _Form(((None, 0),), True),
    "unlink": _Form(((None, 0),)), "unlinkat": _Form(((0, 1),)),
    "rename": _Form(((None, 0), (None, 1))), "renameat": _Form(((0, 1), (2, 3))),
    "renameat2": _Form(((0, 1), (2, 3))), "link": _Form(((None, 0), (None, 1))),
    "linkat": _Form(((0, 1), (2, 3))), "symlink": _Form(((None, 1),)), "symlinkat": _Form(((1, 2),)),
    "chmod": _Form(((None, 0),), True), "fchmodat": _Form(((0, 1),), True),
    "fchmodat2": _Form(((0, 1),), True),
}  # fmt: skip
#: Where each call that opens a file for a change holds its flags.
_FLAGS: Final = {"open": 1, "openat": 2}
#: From asm-generic/resource.h.
_RESOURCES: Final = (
    "cpu", "fsize", "data", "stack", "core", "rss", "nproc", "nofile", "memlock", "as", "locks", "sigpending",
    "msgqueue", "nice", "rtprio", "rttime",
)  # fmt: skip


def change(
    memory: Memory, name: str, arguments: tuple[int, ...], caller: int, guarded: Collection[str]
) -> dict[str, Any] | None:
    """Data of ``file.change`` but for who asks; None where no file is named that is worth telling."""
    form = FORMS[name]
    paths = []
    for number, (directory, pointer) in enumerate(form.paths):
        at = _AT_CWD if directory is None else _signed(arguments[directory])
        follow = form.follow and number == 0
        paths.append(named(caller, at, memory.text(arguments[pointer]), follow=follow))
    if not any(is_told(path, guarded) for path in paths):
        return None
    how = "truncate" if name in _FLAGS and arguments[_FLAGS[name]] & _TRUNCATE else name
    to = paths[1] if len(paths) > 1 else None
    # Of two paths the second is what comes to be.
    return {"call": how, "path": paths[0], "to": to, "runs": runs(to or paths[0])}


def limit(memory: Memory, name: str, arguments: tuple[int, ...], caller: int) -> dict[str, Any] | None:
    """Data of ``limit.change`` but for who asks; None where a limit is only lowered."""
    number, pointer = (arguments[1], arguments[2]) if name == "prlimit64" else (arguments[0], arguments[1])
    number &= 0xFFFFFFFF
    raw = memory.bytes(pointer, 16)
    if len(raw) < 16 or number >= len(_RESOURCES):
        return None
    _, most = struct.unpack("=QQ", raw)
    granted = _granted(caller, number)
    asked = None if most == 2**64 - 1 else most
    if granted is None or (asked is not None and asked <= granted):
        return None
    return {"resource": _RESOURCES[number], "granted": granted, "asked": asked}


#: The rows of ``/proc/PID/limits`` in the order of their numbers.
_ROWS: Final = (
    "Max cpu time", "Max file size", "Max data size", "Max stack size", "Max core file size",
    "Max resident set", "Max processes", "Max open files", "Max locked memory", "Max address space",
    "Max file locks", "Max pending signals", "Max msgqueue size", "Max nice priority",
    "Max realtime priority", "Max realtime timeout",
)  # fmt: skip


def _granted(caller: int, number: int) -> int | None:
    """The hard limit that the caller has; None: none at all."""
    with open(f"/proc/{caller}/limits") as file:
        for line in file:
            if line.startswith(_ROWS[number]):
                hard = line[len(_ROWS[number]) :].split()[1]
                return int(hard) if hard.isdigit() else None
    return None


def _signed(value: int) -> int:
    low = value & 0xFFFFFFFF
    return low - 2**32 if low >= 2**31 else low
