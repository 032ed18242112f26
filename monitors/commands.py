"""What a program that is asked for is given to do, as a ``process.exec`` tells it."""

import re
from collections.abc import Mapping
from typing import Any, Final

_SHELLS: Final = frozenset({"sh", "bash", "dash", "zsh", "ksh"})


def words_of(data: Mapping[str, Any]) -> tuple[str, list[str]]:
    """The program's name without directories, and its words, its own name first."""
    return str(data["path"]).rpartition("/")[2], [str(word) for word in data["argv"] or ()]


def script_of(data: Mapping[str, Any]) -> str:
    """The command line that a shell is given to run; empty where it is given none or is no shell."""
    name, argv = words_of(data)
    if name not in _SHELLS:
        return ""
    # ``-c``, also among other letters (``-lc``).
    flags = (at for at in range(1, len(argv) - 1) if re.fullmatch(r"-[a-z]*c", argv[at]))
    return next((argv[at + 1] for at in flags), "")
