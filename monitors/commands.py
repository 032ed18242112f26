"""What a program that is asked for is given to do, as a ``process.exec`` tells it."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

_SHELLS: Final = frozenset({"sh", "bash", "dash", "zsh", "ksh"})
#: Where a command begins in a shell's code: words of the shell's own and assignments may stand before it.
BEGINS: Final = (
    r"(?:^|[|;&({`\n]|\$\()[ \t]*"
    r"(?:(?:if|then|elif|else|while|until|do|!|time|exec|eval|command|env|nohup|\w+=[^\s;|&(){`]*)[ \t]+)*"
)
#: Characters of a command line that are read.
_MOST: Final = 65_536
#: What ends plain code: an escape, a quote, a comment, a document below the line, another command, the line's end.
_MARK: Final = re.compile(r"\\.|\$?'|\"|(?<!\S)#|(?<!<)<<-?[ \t]*(?=[\w'\"\\])|\$\(|[()`\n]", re.S)
_IN_QUOTES: Final = re.compile(r"\\.|\"|\$\(|`", re.S)
_CLOSING: Final = {'"': '"', "$(": ")", "(": ")", "`": "`"}
_EVAL: Final = re.compile(r"\beval\s*$")
_WORD: Final = re.compile(r"[\\'\"]?([\w.-]+)['\"]?")
#: A line with a shell in it, which is handed what stands below.
_IS_RUN: Final = re.compile(r"(?:^|[\s;&|(/])(?:sh|bash|dash|zsh|ksh)(?:\s|$)")
#: A file that a line writes to, and files that are run as scripts.
_WRITES: Final = re.compile(r">[ \t]*(?:\./)?([\w./-]+)")
_RUNS: Final = re.compile(
    r"(?:\b(?:sh|bash|dash|zsh|ksh|source)|(?<!\S)\.)[ \t]+(?:-\w+[ \t]+)*(?:\./)?([\w./-]+)|(?<!\S)\./([\w./-]+)"
)
_INNER: Final = re.compile(r"\$\([^()\n]*\)")


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


@lru_cache(maxsize=8)
def code_of(script: str) -> str:
    """A command line without what is only text in it: in quotes, in comments, in documents below a command.

    What the shell carries out inside of these stays, as does a document that a shell is handed or that is written to a
    file which is run, and what ``eval`` is given. Read are 65,536 characters; kept, since several monitors ask.
    """
    script, at = script[:_MOST], 0
    code, open_parts, below = [""], [""], list[re.Match[str]]()
    started = {name for names in _RUNS.findall(script) for name in names} if "<<" in script else set()
    while True:
        quoted = open_parts[-1] == '"'
        found = (_IN_QUOTES if quoted else _MARK).search(script, at)
        plain = script[at : found.start() if found else len(script)]
        code.append("" if quoted else plain)
        if found is None:
            return "".join(code)
        mark, at = found[0], found.end()
        if mark == open_parts[-1]:
            open_parts.pop()
            code.append("" if quoted else mark)
        elif mark.endswith("'") or (mark == '"' and _EVAL.search(plain)):
            text, at = _until(script, at, mark[-1])
            code.append(text if _EVAL.search(plain) else "''")
            at += 1
        elif mark in _CLOSING:
            open_parts.append(_CLOSING[mark])
            code.append("" if mark == '"' else mark)
        elif mark == "#":
            _, at = _until(script, at, "\n")
        elif mark.startswith("<<") and (word := _WORD.match(script, at)):
            below.append(word)
            at = word.end()
        elif mark == "\n" and below:
            line = "".join(code).rpartition("\n")[2]
            run = _IS_RUN.search(line) is not None or not started.isdisjoint(_WRITES.findall(line))
            documents, at = _documents(script, at, below, run)
            code = ["".join(code), "\n", documents, "\n"]
            below = []
        else:
            code.append("" if quoted else mark)


def _until(script: str, at: int, end: str) -> tuple[str, int]:
    """What stands between a place and the next ``end``, or the script's end; and where that is."""
    found = script.find(end, at)
    found = len(script) if found < 0 else found
    return script[at:found], found


def _documents(script: str, at: int, words: list[re.Match[str]], run: bool) -> tuple[str, int]:
    """What is code in the documents that begin at a place and end with these words; and where they end."""
    code = []
    for word in words:
        end = re.compile(rf"^\t*{re.escape(word[1])}[ \t]*$", re.M).search(script, at)
        text = script[at : end.start() if end else len(script)]
        # Of a document whose word is not quoted the shell carries out the commands inside.
        code.append(text if run else "" if word[0] != word[1] else "\n".join(_INNER.findall(text)))
        at = end.end() if end else len(script)
    return "\n".join(code), at
