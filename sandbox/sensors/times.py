"""From a held system call that sets when a file was changed last to what it tells: a record that is to look untouched."""

import os
from collections.abc import Collection, Sequence
from typing import Any, Final, NamedTuple

from sandbox.sensors import memory
from sandbox.sensors.paths import AT_CWD, named, open_in
from sandbox.sensors.seccomp import signed

#: What such a change is told as.
SAYS: Final = "times"
#: Where the scaffold keeps its log.
_LOGS: Final = "/logs"
#: From linux/stat.h: the time as it is now, and as it was; from linux/fcntl.h: a link itself is meant.
_NOW, _OMIT, _NO_FOLLOW = 2**30 - 1, 2**30 - 2, 0x100


class _Form(NamedTuple):
    """Which arguments hold the directory (None: where the caller works), the path and the pair of times; the bytes of
    one time and the steps of its fraction in a second (1: it has none)."""

    directory: int | None
    path: int
    times: int
    size: int
    steps: int


#: Every call that sets a file's times.
FORMS: Final = {
    "utime": _Form(None, 0, 1, 8, 1), "utimes": _Form(None, 0, 1, 16, 10**6),
    "futimesat": _Form(0, 1, 2, 16, 10**6), "utimensat": _Form(0, 1, 2, 16, 10**9),
}  # fmt: skip


def change(
    file: int, name: str, arguments: Sequence[int], caller: int, guarded: Collection[str]
) -> dict[str, Any] | None:
    """Data of ``file.change`` but for who asks; None where the file is neither guarded nor a log, or its time of last
    change would stay as it is. Archivers and copies set times by the hundred.

    ``file``: the caller's memory."""
    form = FORMS[name]
    follow = name != "utimensat" or not arguments[3] & _NO_FOLLOW
    at = AT_CWD if form.directory is None else signed(arguments[form.directory])
    path = named(caller, at, memory.text(file, arguments[form.path]), follow=follow)
    if not any(path == one or path.startswith(f"{one}/") for one in (*guarded, _LOGS)):
        return None
    if _stays(file, form, arguments, caller, path):
        return None
    return {"call": SAYS, "path": path, "to": None, "runs": None}


def _stays(file: int, form: _Form, arguments: Sequence[int], caller: int, path: str) -> bool:
    """Whether the time of last change, the second of the pair, is left or set as it is."""
    if not arguments[form.times]:
        return False  # now
    raw = memory.content(file, arguments[form.times] + form.size, form.size)
    if len(raw) < form.size:
        return True  # the call fails
    seconds, fraction = (int.from_bytes(raw[at : at + 8], "little", signed=True) for at in (0, 8))
    if form.steps == 10**9 and fraction in (_NOW, _OMIT):
        return fraction == _OMIT
    found = open_in(caller, path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    if found is None:
        return False
    try:
        return os.fstat(found).st_mtime_ns // (10**9 // form.steps) == seconds * form.steps + fraction
    finally:
        os.close(found)
