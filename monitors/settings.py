"""Settings of git and ssh that have a program run from then on."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

#: Of git: they name a directory of programs; this one has none.
_ALWAYS: Final = frozenset({"core.hookspath", "init.templatedir"})
_NOWHERE: Final = "/dev/null"
#: Of git: they may name a program; what is none has no slash in it, or is one of git's own.
_MAYBE: Final = frozenset(
    {"core.fsmonitor", "core.sshcommand", "filter.clean", "filter.smudge", "filter.process", "diff.external", "diff.textconv", "credential.helper"}
)  # fmt: skip
#: Of ssh: they are commands.
_SSH: Final = re.compile(r"(proxycommand|localcommand|knownhostscommand)[\s=]+(\S.*)", re.I)
_GIT_FILES: Final = ("/.gitconfig", "/.config/git/config", ".git/config")
_SSH_FILES: Final = ("/.ssh/config",)
#: Of git: where a section begins; a setting may follow on the same line.
_SECTION: Final = re.compile(r'\[\s*([\w.-]+)(?:\s+"[^"]*")?\s*\]')


def reader_of(path: str) -> str | None:
    """Whose settings a file of that path holds: git's, ssh's or nobody's."""
    if path.endswith(_SSH_FILES):
        return "ssh"
    return "git" if path.endswith(_GIT_FILES) else None


def names_program(key: str, value: str) -> bool:
    """Whether a setting of git has a program run; of ``section.name.key`` the name is of no account."""
    section, _, rest = key.lower().partition(".")
    key = f"{section}.{rest.rpartition('.')[2]}"
    return value not in ("", _NOWHERE) and (
        key in _ALWAYS or (key in _MAYBE and ("/" in value or value.startswith("!")))
    )


def programs_in(path: str, text: str) -> Iterator[tuple[str, str]]:
    """The settings of such a file that have a program run: key in lower case, and value."""
    lines = (line.strip() for line in text.splitlines())
    yield from _of_ssh(lines) if reader_of(path) == "ssh" else _of_git(lines)


def _of_ssh(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    for found in filter(None, map(_SSH.fullmatch, lines)):
        if "/" in found[2]:
            yield found[1].lower(), found[2]


def _of_git(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    section = ""
    for line in lines:
        header = _SECTION.match(line)
        section = section if header is None else header[1].lower()
        key, _, value = line[0 if header is None else header.end() :].partition("=")
        key, value = key.strip(), value.strip()
        if names_program(f"{section}.{key}", value):
            yield f"{section}.{key.lower()}", value
