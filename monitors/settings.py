"""Settings of git and ssh that have a program run from then on."""

import re
from collections.abc import Iterator
from typing import Final

#: Of git: they name a directory of programs; this one has none.
_ALWAYS: Final = frozenset({"core.hookspath", "init.templatedir"})
_NOWHERE: Final = "/dev/null"
#: Of git: they may name a program; what is none has no slash in it, or is one of git's own.
_MAYBE: Final = frozenset(
    {"core.fsmonitor", "core.sshcommand", "filter.clean", "filter.smudge", "filter.process", "diff.external", "diff.textconv", "credential.helper"}
)  # fmt: skip
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


def names_program(key: str, value: str) -> bool:
    """Whether a setting of git has a program run; of ``section.name.key`` the name is of no account."""
    section, _, rest = key.lower().partition(".")
    key = f"{section}.{rest.rpartition('.')[2]}"
    return value not in ("", _NOWHERE) and (
        key in _ALWAYS or (key in _MAYBE and ("/" in value or value.startswith("!")))
    )


def programs_in(path: str, text: str) -> Iterator[tuple[str, str]]:
    """The settings of such a file that have a program run: key in lower case, and value."""
    if path.endswith(_SSH_FILES):
        yield from ((key.lower(), value) for key, value in _SSH.findall(text) if "/" in value)
        return
    section = ""
    for header, key, value in _LINE.findall(text):
        section = header.lower() or section
        if names_program(f"{section}.{key}", value):
            yield f"{section}.{key.lower()}", value
