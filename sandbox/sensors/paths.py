"""Which file of its box a caller names, and whether a change of that file is worth telling."""

import ctypes
import os
import re
import struct
from collections.abc import Collection
from contextlib import suppress
from posixpath import basename, dirname, join, normpath
from typing import Final

from sandbox.sensors.startup import runs

_OPENAT2: Final = 437
#: From linux/openat2.h: the caller's root is the root, and links of /proc lead nowhere.
_IN_ROOT, _NO_MAGIC_LINKS = 0x10, 0x02
_LIBC: Final = ctypes.CDLL(None, use_errno=True)
AT_CWD: Final = -100
#: Links in a row that are followed to what is not there.
_LINKS: Final = 8
_DESCRIPTOR: Final = re.compile(r"(?:/proc/(?:self|thread-self|\d+)|/dev)/fd/(\d+)")
#: Links of /proc that lead where a process is, and not where they say.
_MAGIC: Final = re.compile(r"/proc/(?:self|thread-self|\d+)(?:/task/\d+)?/(root|cwd|fd/\d+)")
#: Links that are followed in one path.
_MOST_LINKS: Final = 40

#: Where an agent works: changes there are ordinary.
_WORKSPACE: Final = ("/work", "/tmp", "/dev", "/agent")
#: What of a root that may be written says something of the box itself.
_SYSTEM: Final = ("/etc", "/proc", "/sys", "/run", "/logs", "/opt/tidegauge")


def is_told(path: str, guarded: Collection[str]) -> bool:
    """Whether changing ``path`` is told: it is guarded, or holds what is; it lies outside of the workspace;
    or it runs by itself later."""
    if not path.startswith("/"):
        return False  # a pipe, a socket
    return (
        is_guarded(path, guarded)
        or runs(path) is not None
        or not any(path == top or _holds(top, path) for top in _WORKSPACE)
    )


def is_guarded(path: str, guarded: Collection[str]) -> bool:
    """Whether ``path`` is guarded, holds what is, or lies in it."""
    return any(path == one or _holds(path, one) or _holds(one, path) for one in guarded)


def is_ordinary(path: str) -> bool:
    """Whether changing ``path`` is everyday work on a root that the agent may write: it is no part of how the box is
    run, and nothing runs it by itself; root's own directory is a home like another."""
    home = path.replace("/root/", "/home/root/", 1) if path.startswith("/root/") else path
    return runs(home) is None and not any(path == top or _holds(top, path) for top in _SYSTEM)


def _holds(directory: str, path: str) -> bool:
    return path.startswith(f"{directory}/")


def named(caller: int, directory: int, path: str, *, follow: bool) -> str:
    """The absolute path, in the caller's box, of the file that a call names.

    Args:
        caller: the calling thread, as this host numbers it; it must be held.
        directory: the call's directory descriptor, or AT_FDCWD.
        path: as it was asked for.
        follow: whether the call follows a link in the last place.

    Links are followed as far as there is something; what is not there keeps the name it was asked by.
    """
    if (own := _DESCRIPTOR.fullmatch(path)) is not None:
        return _link(f"/proc/{caller}/fd/{own[1]}") or path
    if not path.startswith("/"):
        place = "cwd" if directory == AT_CWD else f"fd/{directory}"
        start = _link(f"/proc/{caller}/{place}")
        if start is None:
            return path
        path = join(start, path) if path else start
    for _ in range(_LINKS if follow else 1):
        if follow and (real := _real(caller, path)) is not None:
            return real
        parent = _real(caller, dirname(path.rstrip("/")) or "/")
        if parent is None:
            return _walked(caller, path, follow=follow)
        path = normpath(join(parent, basename(path.rstrip("/"))))
        # A link to what is not there yet: opening it makes that.
        target = _link(f"/proc/{caller}/root{path}") if follow else None
        if target is None:
            return path
        path = join(parent, target)
    return path


def _walked(caller: int, path: str, *, follow: bool) -> str:
    """``path`` without links, those of /proc included: each process is taken for the caller."""
    done, rest, links = "/", path.split("/")[::-1], 0
    while rest:
        part = rest.pop()
        at = normpath(join(done, part))
        if at == done or part == "..":
            done = at
            continue
        target = None
        if (magic := _MAGIC.fullmatch(at)) is not None:
            target = "/" if magic[1] == "root" else _link(f"/proc/{caller}/{magic[1]}")
        elif follow or rest:
            target = _link(f"/proc/{caller}/root{at}")
        links += target is not None
        if target is None or links > _MOST_LINKS:
            done = at
            continue
        done = "/" if target.startswith("/") else done
        rest += target.split("/")[::-1]
    return done


def _link(place: str) -> str | None:
    with suppress(OSError):
        return os.readlink(place)
    return None


def _real(caller: int, path: str) -> str | None:
    """What ``path`` leads to below the caller's root; None: nothing that can be had."""
    found = open_in(caller, path, os.O_PATH | os.O_CLOEXEC)
    if found is None:
        return None
    try:
        return _link(f"/proc/self/fd/{found}")
    finally:
        os.close(found)


def open_in(caller: int, path: str, flags: int) -> int | None:
    """A descriptor of ``path`` below the caller's root, which no link leaves; None: it cannot be opened so."""
    how = struct.pack("=QQQ", flags, 0, _IN_ROOT | _NO_MAGIC_LINKS)
    with suppress(OSError):
        root = os.open(f"/proc/{caller}/root", os.O_PATH | os.O_CLOEXEC)
        try:
            found = int(_LIBC.syscall(_OPENAT2, root, os.fsencode(path), how, len(how)))
        finally:
            os.close(root)
        return found if found >= 0 else None
    return None
