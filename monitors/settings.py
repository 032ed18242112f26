"""Settings of git and ssh that have a program run from then on."""

import re
from collections.abc import Iterator
from typing import Final

#: Of git: they name a program, or a directory of programs.
GIT: Final = frozenset({"core.hookspath", "core.fsmonitor", "core.sshcommand", "init.templatedir"})
#: Of ssh: they are commands.
_SSH: Final = re.compile(r"^\s*(proxycommand|localcommand|knownhostscommand)[\s=]+(\S.*)$", re.I | re.M)
_GIT_FILES: Final = ("/.gitconfig", "/.config/git/config", ".git/config")
_SSH_FILES: Final = ("/.ssh/config",)
_LINE: Final = re.compile(
    r'^\s*(?:\[\s*([\w.-]+)(?:\s+"[^"\n]*")?\s*\]\s*)?(?:([A-Za-z][\w-]*)\s*=\s*(.*?))?\s*$', re.M
)


def holds_settings(path: str) -> bool:
    """Whether a file of that path is one of git's or ssh's settings."""
    return path.endswith((*_GIT_FILES, *_SSH_FILES))


def programs_in(path: str, text: str) -> Iterator[tuple[str, str]]:
    """The settings of such a file that name a program by its path: key in lower case, and value."""
    if path.endswith(_SSH_FILES):
        yield from ((key.lower(), value) for key, value in _SSH.findall(text) if "/" in value)
        return
    section = ""
    for header, key, value in _LINE.findall(text):
        section = header.lower() or section
        if f"{section}.{key.lower()}" in GIT and "/" in value:
            yield f"{section}.{key.lower()}", value
