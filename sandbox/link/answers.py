"""A runner's answers as values: of the expected form, or a ``BoxFault``."""

import os
import re
from typing import Any, Final

from sandbox.box import Completed, Killed
from sandbox.errors import BoxFault
from sandbox.files import TYPES, Collection, Entry, Manifest
from sandbox.link.spool import Spool

#: Longer than any path that the runner enters: 33 names of 255 bytes.
_MAX_PATH: Final = 10_000
_MAX_REASON: Final = 200
_MAX_SENSORS: Final = 10
_MAX_LEFT: Final = 20
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


def completed(answer: dict[str, Any], stdout: bytes, stderr: bytes) -> Completed:
    """How a program ended."""
    code, signal, truncated = (answer.get(name) for name in ("code", "signal", "truncated"))
    for number in (code, signal):
        if number is not None and type(number) is not int:
            raise BoxFault("the runner's answer to run has no form")
    if type(truncated) is not bool or (code is None) == (signal is None):
        raise BoxFault("the runner's answer to run has no form")
    return Completed(code, signal, stdout, stderr, truncated)


def killed(answer: dict[str, Any]) -> tuple[Killed, dict[str, int]]:
    """Which processes were ended, and by sensor how much was not described."""
    left = answer.get("left")
    if not isinstance(left, list) or len(left) > _MAX_LEFT:
        raise BoxFault("the runner's answer to kill has no form")
    lost = answer.get("lost")
    if not isinstance(lost, dict) or len(lost) > _MAX_SENSORS:
        raise BoxFault("the runner's answer to kill has no form")
    ended = Killed(_count(answer.get("processes"), "kill"), tuple(_left(item) for item in left))
    return ended, {name[:_MAX_REASON]: _count(number, "kill") for name, number in lost.items()}


def _left(item: Any) -> tuple[int, list[str]]:
    if not isinstance(item, list) or len(item) != 2 or not isinstance(item[1], list):
        raise BoxFault("the runner's answer to kill has no form")
    return _count(item[0], "kill"), [str(word)[:_MAX_REASON] for word in item[1][:_MAX_REASON]]


def manifest(answer: dict[str, Any], known: Manifest | None) -> Manifest:
    """A directory's entries, or ``known`` where they are the same."""
    if answer.get("same") is True:
        if known is None or known.mark is None:
            raise BoxFault("the runner's manifest is the same as none")
        return known
    listed, incomplete, mark = (answer.get(name) for name in ("entries", "incomplete", "mark"))
    if not isinstance(listed, list) or not isinstance(incomplete, str | None):
        raise BoxFault("the runner's manifest has no form")
    if mark is not None:
        _count(mark, "manifest")
    entries = sorted((_entry(item) for item in listed), key=lambda entry: os.fsencode(entry[0]))
    if len({entry[0] for entry in entries}) != len(entries):
        raise BoxFault("the runner's manifest names an entry twice")
    return Manifest(tuple(entries), None if incomplete is None else incomplete[:_MAX_REASON], mark)


def collection(answer: dict[str, Any], spool: Spool, root: str) -> Collection:
    """What was taken, whose contents have come into ``spool``, and what was left."""
    files = [(_path(path), _count(size, "collect")) for path, size in _pairs(answer.get("files"))]
    left = []
    for path, reason in _pairs(answer.get("left")):
        if not isinstance(reason, str):
            raise BoxFault("the runner's answer to collect has no form")
        left.append((root if path == root else _path(path), reason[:_MAX_REASON]))
    spool.keep(files)
    return Collection(spool, tuple(left))


def _pairs(value: Any) -> list[list[Any]]:
    if not isinstance(value, list) or not all(isinstance(item, list) and len(item) == 2 for item in value):
        raise BoxFault("the runner's answer to collect has no form")
    return value


def _entry(item: Any) -> Entry:
    if not isinstance(item, list) or len(item) != 5:
        raise BoxFault("the runner's manifest has no form")
    path, kind, mode, size, last = item
    told = {"file": isinstance(last, str) and _DIGEST.fullmatch(last), "link": isinstance(last, str)}
    if kind not in TYPES or not told.get(kind, last is None) or _count(mode, "manifest") > 0o7777:
        raise BoxFault("the runner's manifest has no form")
    return _path(path), kind, mode, _count(size, "manifest"), last


def _path(value: Any) -> str:
    """A relative path that leads nowhere but down."""
    if not isinstance(value, str) or len(value) > _MAX_PATH:
        raise BoxFault("the runner named a path that is none")
    if any(part in ("", ".", "..") or "\0" in part for part in value.split("/")):
        raise BoxFault("the runner named a path that is none")
    return value


def _count(value: Any, operation: str) -> int:
    if type(value) is not int or value < 0:
        raise BoxFault(f"the runner's answer to {operation} has no form")
    return value
