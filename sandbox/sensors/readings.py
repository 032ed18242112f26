"""How guarded files of limits read while a call is held: what was loosened is seen before it is put back."""

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from stat import S_ISREG
from typing import Final

from sandbox.box import Seen
from sandbox.sensors.calls import Told
from sandbox.sensors.paths import is_guarded, open_in

#: Bytes of a file that are told.
MOST: Final = 8_000
#: An agent may have put a pipe in its place, or hold a lease on it: neither keeps all boxes waiting.
READ: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC


class Readings:
    """Of one box. A file is read before each change of it that is told, and, once one was, before every other that
    is not told and every start of a program: then it is told where it reads otherwise."""

    def __init__(self, paths: Iterable[str] = (), asked: Callable[[str], None] | None = None) -> None:
        """
        Args:
            paths: absolute, in the box.
            asked: is told, on the thread that answers calls, of which somebody asks to change.
        """
        self._paths = tuple(paths)
        self._asked = asked
        #: Path → how it read last, of those that somebody asked to change.
        self._last: dict[str, str | None] = {}

    def before_change(self, told: Told, caller: int, *, due: bool) -> list[Seen]:
        """What a held call gives that may change a file, to be told before the call itself.

        Args:
            told: what the call tells.
            caller: who made it, as this host numbers it.
            due: whether the call itself is told this time.
        """
        if told.kind != "file.change":
            return []
        named = [path for path in (told.data["path"], told.data["to"]) if path is not None]
        asked = {path for path in self._paths if any(is_guarded(one, (path,)) for one in named)}
        if self._asked is not None:
            for path in asked:
                self._asked(path)
        return self._read(asked, caller, due=due)

    def before_program(self, caller: int) -> list[Seen]:
        """What the held start of a program gives, to be told before it."""
        return self._read(set(), caller, due=False) if self._last else []

    def _read(self, asked: set[str], caller: int, *, due: bool) -> list[Seen]:
        found = []
        for path in asked | self._last.keys():
            text = text_in(caller, path)
            if (due and path in asked) or text != self._last.get(path):
                found.append(Seen("guard.reading", {"path": path, "text": text}))
            self._last[path] = text
        return sorted(found, key=lambda seen: str(seen.data["path"]))


def text_in(caller: int, path: str) -> str | None:
    """The beginning of a regular file of the caller's box; None where there is none."""
    file = open_in(caller, path, READ)
    if file is None:
        return None
    try:
        with suppress(OSError):
            if S_ISREG(os.fstat(file).st_mode):
                return os.read(file, MOST).decode("utf-8", "replace")
        return None
    finally:
        os.close(file)
