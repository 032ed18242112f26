"""From a held system call that would change a file, or a limit of a process, to what it tells."""

import os
import struct
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from posixpath import dirname, join
from typing import Any, Final

from sandbox.sensors import memory
from sandbox.sensors.filters import TO_CHANGE
from sandbox.sensors.paths import AT_CWD, is_told, named
from sandbox.sensors.seccomp import signed
from sandbox.sensors.startup import runs

#: Files of a moved directory that are looked at.
_MOST_FILES: Final = 500
#: Opening a file so as to empty it.
_TRUNCATE: Final = 0o1000


@dataclass(frozen=True, slots=True)
class _Form:
    """What a call is told as; which arguments hold a path (None: the descriptor itself is meant), each after the
    argument that holds its directory (None: where the caller works)."""

    says: str
    paths: tuple[tuple[int | None, int | None], ...]
    #: Whether a link in the last place of the first path is followed.
    follow: bool = False


#: Every call that is told as ``file.change``.
FORMS: Final = {
    "open": _Form("open", ((None, 0),), True), "openat": _Form("open", ((0, 1),), True),
    "openat2": _Form("open", ((0, 1),), True), "creat": _Form("truncate", ((None, 0),), True),
    "truncate": _Form("truncate", ((None, 0),), True),
    "unlink": _Form("unlink", ((None, 0),)), "unlinkat": _Form("unlink", ((0, 1),)),
    "rename": _Form("rename", ((None, 0), (None, 1))), "renameat": _Form("rename", ((0, 1), (2, 3))),
    "renameat2": _Form("rename", ((0, 1), (2, 3))), "link": _Form("link", ((None, 0), (None, 1))),
    "linkat": _Form("link", ((0, 1), (2, 3))), "symlink": _Form("symlink", ((None, 1),)),
    "symlinkat": _Form("symlink", ((1, 2),)), "chmod": _Form("chmod", ((None, 0),), True), "fchmod": _Form("chmod", ((0, None),), True),
    "fchmodat": _Form("chmod", ((0, 1),), True), "fchmodat2": _Form("chmod", ((0, 1),), True),
}  # fmt: skip
#: Where each call that opens a file for a change holds its flags.
_FLAGS: Final = {"open": 1, "openat": 2}
#: What most programs open as they start, in a directory that no agent can write to.
_DEVICES: Final = frozenset({"/dev/null", "/dev/tty"})
#: From asm-generic/resource.h.
_RESOURCES: Final = (
    "cpu", "fsize", "data", "stack", "core", "rss", "nproc", "nofile", "memlock", "as", "locks", "sigpending",
    "msgqueue", "nice", "rtprio", "rttime",
)  # fmt: skip


def change(
    file: int, name: str, arguments: Sequence[int], caller: int, guarded: Collection[str]
) -> dict[str, Any] | None:
    """Data of ``file.change`` but for who asks; None where no file is named that is worth telling.

    ``file``: the caller's memory."""
    form = FORMS[name]
    flags = _flags(file, name, arguments)
    if flags is not None and not flags & TO_CHANGE:
        return None  # the filter cannot see the flags of ``openat2``
    asked = ["" if pointer is None else memory.text(file, arguments[pointer]) for _, pointer in form.paths]
    if form.follow and asked[0] in _DEVICES:
        return None
    paths = []
    for number, ((directory, _), path) in enumerate(zip(form.paths, asked, strict=True)):
        at = AT_CWD if directory is None else signed(arguments[directory])
        paths.append(named(caller, at, path, follow=form.follow and number == 0))
    to = paths[1] if len(paths) > 1 else None
    # Of two paths the second is what comes to be.
    by_itself = runs(to or paths[0])
    if by_itself is None and form.says in ("rename", "symlink"):
        moved = paths[0] if to is not None else join(dirname(paths[0]), memory.text(file, arguments[0]))
        by_itself = _runs_within(f"/proc/{caller}/root{moved}", to or paths[0])
    if by_itself is None and not any(is_told(path, guarded) for path in paths):
        return None
    how = "truncate" if flags is not None and flags & _TRUNCATE else form.says
    return {"call": how, "path": paths[0], "to": to, "runs": by_itself}


def _runs_within(directory: str, to: str) -> str | None:
    """What runs by itself a file of a directory that moves to ``to``, or that a link there leads to; the first
    files are looked at."""
    looked = 0
    for place, names, files in os.walk(directory):
        for name in files:
            if (found := runs(f"{to}{place[len(directory) :]}/{name}")) is not None:
                return found
        looked += len(files) + len(names)
        if looked > _MOST_FILES:
            break
    return None


def _flags(file: int, name: str, arguments: Sequence[int]) -> int | None:
    """The flags with which a file is opened; None for a call that opens none, or without flags."""
    if name == "openat2":  # in a struct
        return int.from_bytes(memory.content(file, arguments[2], 8), "little")
    return arguments[_FLAGS[name]] if name in _FLAGS else None


def limit(file: int, name: str, arguments: Sequence[int], caller: int) -> dict[str, Any] | None:
    """Data of ``limit.change`` but for who asks; None where a limit is only lowered."""
    number, pointer = (arguments[1], arguments[2]) if name == "prlimit64" else (arguments[0], arguments[1])
    number &= 0xFFFFFFFF
    raw = memory.content(file, pointer, 16)
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
    with open(f"/proc/{caller}/limits") as rows:
        for line in rows:
            if line.startswith(_ROWS[number]):
                hard = line[len(_ROWS[number]) :].split()[1]
                return int(hard) if hard.isdigit() else None
    return None
