"""A Dockerfile in BuildKit's syntax as the engine's classic builder takes it, as far as that can say the same.

Here-documents become files of the context, ``--chmod`` becomes their modes there, and what only makes a build faster
is left out. What is left is the builder's to refuse.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from posixpath import normpath
from typing import Final

from sandbox.errors import EngineFault

#: Where the context holds what the Dockerfile held itself.
PLACE: Final = ".tidegauge"
_WORD: Final = re.compile(r"^\s*([A-Za-z]+)\b")
#: A word of its own, as BuildKit reads it: ``$((1<<n))`` begins none.
_MARK: Final = re.compile(r"(?<!\S)\d*<<(-?)(['\"]?)([A-Za-z_][A-Za-z0-9_.]*)\2")
_FASTER: Final = re.compile(
    r"(?:\\[ \t]*\n|\s)+--(?:mount=(?=\S*\btype=(?:cache|tmpfs)\b)\S+|network=(?:none|default)|link(?:=\S+)?)(?=\s)"
)
_MODE: Final = re.compile(r"\s+--chmod=(\S+)(?=\s)")
_OCTAL: Final = re.compile(r"^0?[0-7]{3,4}$")
_BASH: Final = re.compile(r"^\s*SHELL\s.*\bbash\b", re.IGNORECASE)


@dataclass
class Lowered:
    """A Dockerfile and what its build's context needs besides."""

    text: str = ""
    #: Contents by path.
    files: dict[str, bytes] = field(default_factory=dict)
    #: Modes by path or by a pattern of paths; a directory's holds for all that lies in it.
    modes: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Step:
    """One instruction with its here-documents: each its mark, its name and its lines."""

    lines: list[str]
    documents: list[tuple[re.Match[str], list[str]]]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def word(self) -> str:
        found = _WORD.match(self.lines[0])
        return found[1].upper() if found else ""


def lowered(text: str) -> Lowered:
    """``text`` without BuildKit's syntax.

    Raises:
        EngineFault: a here-document or a mode that cannot be said otherwise, and where.
    """
    made = Lowered()
    out: list[str] = []
    shell = "/bin/sh"
    for step in _steps(text.split("\n")):
        if _BASH.match(step.text):
            shell = "/bin/bash"
        if step.word == "RUN":
            out += _run(step, shell, made)
        elif step.word in ("COPY", "ADD"):
            out.append(_copy(step, made))
        else:
            out += step.lines
    made.text = "\n".join(out)
    return made


def _steps(lines: list[str]) -> Iterator[_Step]:
    at = 0
    while at < len(lines):
        own = [lines[at]]
        at += 1
        while (said := _said(own)) and said[-1].rstrip().endswith("\\") and at < len(lines):
            own.append(lines[at])
            at += 1
        step = _Step(own, [])
        marks = list(_MARK.finditer("\n".join(said))) if step.word in ("RUN", "COPY", "ADD") else []
        for mark in marks:
            body = []
            while at < len(lines) and (lines[at].lstrip("\t") if mark[1] else lines[at]) != mark[3]:
                body.append(lines[at])
                at += 1
            if at == len(lines):
                raise EngineFault(f"the here-document {mark[3]} in the Dockerfile has no end", "build")
            at += 1
            step.documents.append((mark, body))
        yield step


def _said(lines: list[str]) -> list[str]:
    """The lines of an instruction without the comments and the empty lines in it, which do not end it."""
    return [line for line in lines if line.strip() and not line.lstrip().startswith("#")]


def _run(step: _Step, shell: str, made: Lowered) -> list[str]:
    if not step.documents:
        return [_FASTER.sub("", step.text)]
    text = _FASTER.sub("", "\n".join(_said(step.lines)))
    command = text.split(None, 1)[1].strip()
    mark, body = step.documents[0]
    if command == mark[0]:
        script = _joined(mark, body)
        start = "" if script.startswith("#!") else f"{shell} "
    else:
        ends = [line for one, lines in step.documents for line in (*lines, one[3])]
        script, start = "\n".join([command, *ends, ""]), f"{shell} "
    name = _kept(made, "script", script, 0o755)
    place = f"/tmp/{PLACE}-{len(made.files)}"
    return [f"COPY {name} {place}", f"RUN {start}{place}; code=$?; rm -f {place}; exit $code"]


def _copy(step: _Step, made: Lowered) -> str:
    text = _FASTER.sub("", step.text)
    for mark, body in step.documents:
        content = _joined(mark, body)
        if "$" in content and not mark[2]:
            raise EngineFault(
                f"the here-document {mark[3]} in the Dockerfile holds variables: that needs BuildKit", "build"
            )
        text = text.replace(mark[0], _kept(made, mark[3], content, 0o644), 1)
    found = _MODE.search(text)
    if found is None:
        return text
    text = text.replace(found[0], "", 1)
    sources = [part for part in text.split()[1:-1] if not part.startswith("--")]
    plain = not any("$" in source for source in sources) and "--from" not in text
    if not (plain and _OCTAL.match(found[1])):
        raise EngineFault(f"{found[0].strip()} in the Dockerfile needs BuildKit", "build")
    made.modes.update({normpath(f"/{source}").lstrip("/"): int(found[1], 8) for source in sources})
    return text


def _joined(mark: re.Match[str], body: list[str]) -> str:
    return "".join(f"{line.lstrip(chr(9)) if mark[1] else line}\n" for line in body)


def _kept(made: Lowered, name: str, content: str, mode: int) -> str:
    """Puts a file into the context; its path there."""
    path = f"{PLACE}/{len(made.files)}/{name}"
    made.files[path] = content.encode()
    made.modes[path] = mode
    return path
