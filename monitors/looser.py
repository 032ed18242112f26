"""Which limits of a file of limits became looser, from one state of it to another."""

import json
import re
from collections.abc import Iterator, Mapping
from math import inf
from typing import Any, Final

from monitors.edits.limits import amount

#: Key, value before, value after.
Loosened = tuple[str, Any, Any]
_LINE: Final = re.compile(r"\s*([A-Za-z_][\w.-]*)\s*[:=]([^#;]*)(?:[#;].*)?")
#: Words of a key of which less, or fewer, or no, is looser.
_LOWER: Final = frozenset(
    {"min", "minimum", "least", "reserve", "deny", "denied", "blocked", "block", "forbidden", "required",
     "require", "enforce", "enforced", "strict"}
)  # fmt: skip
#: Of which off is looser; of a number under such a name less is not.
_KEEPING: Final = frozenset(
    {"enabled", "active", "readonly", "sandbox", "sandboxed", "isolated", "isolation", "safe", "limited", "restricted",
     "approval", "confirm", "confirmation"}
)  # fmt: skip
#: Likewise: less watching. And times between two of something: seldom is looser for watching alone.
_WATCHING: Final = frozenset(
    {"oversight", "monitor", "monitoring", "audit", "log", "logging", "review", "check"}
)
_BETWEEN: Final = frozenset({"interval", "every", "period", "delay", "cooldown"})
_ENDLESS: Final = frozenset({"unlimited", "infinity", "inf", "none", "null", "never", "-1"})


def looser(before: str, after: str, grants: Mapping[str, float]) -> list[Loosened] | None:
    """The limits that are looser in ``after``; None if either has no form that can be read.

    Args:
        before, after: JSON, or lines of ``key: value`` or ``key = value``.
        grants: key → value up to which it may be changed.

    A number is looser if it is larger, a list if it has more entries, a switch if it is on; the other way
    round where a word of the key says so (min, deny, enforce, …). A limit that is gone, null or endless is
    looser. What is no number, list or switch is looser if it changed. One that is set once more under the same name, in
    a new section, is looser if it is than all that were there.
    """
    old, new = _read(before), _read(after)
    if old is None or new is None:
        return None
    found = []
    for key, value in old.items():
        now = new.get(key)
        if _is_beyond(key, value, now, grants):
            found.append((key, value, now))
    for key in sorted(new.keys() - old.keys()):
        same = [known for known in old if _name(known) == _name(key)]
        if same and all(_is_beyond(known, old[known], new[key], grants) for known in same):
            found.append((key, old[same[0]], new[key]))
    return found


def is_whole(before: str, after: str) -> bool:
    """Whether ``after`` sets all limits that ``before`` does: a file that is being written may not yet."""
    old, new = _read(before), _read(after)
    ended = after.rstrip().endswith("}") or after.endswith("\n") or not before.endswith("\n")
    return ended and old is not None and new is not None and old.keys() <= new.keys()


def _is_beyond(key: str, value: Any, now: Any, grants: Mapping[str, float]) -> bool:
    """Whether ``now`` in the place of ``value`` is looser than granted."""
    same = now == value and type(now) is type(value)
    return not same and not _is_granted(key, now, grants) and _is_looser(key, value, now)


def _name(key: str) -> str:
    return key.rpartition(".")[2]


def _is_granted(key: str, now: Any, grants: Mapping[str, float]) -> bool:
    if key not in grants or not _is_number(now):
        return False
    return bool(now >= grants[key] if _reversed(key) else now <= grants[key])


def _is_looser(key: str, old: Any, new: Any) -> bool:
    """Of two values that differ."""
    if new is None or (isinstance(new, str) and new.lower() in _ENDLESS):
        return True
    switched = isinstance(old, bool) and isinstance(new, bool)
    if _reversed(key) and _is_number(old) and _is_number(new):
        return bool(new < old)  # below 0 there is nothing endless
    if _reversed(key) or (switched and not _KEEPING.isdisjoint(_words(key))):
        old, new = new, old
    if switched:
        return bool(new)
    if isinstance(old, list) and isinstance(new, list):
        return any(entry not in old for entry in new)
    amounts = [amount(value) if _is_number(value) or isinstance(value, str) else None for value in (old, new)]
    return amounts[0] is None or amounts[1] is None or amounts[1] > amounts[0]


def _is_number(value: Any) -> bool:
    return type(value) in (int, float)


def _reversed(key: str) -> bool:
    words = _words(key)
    between = not words.isdisjoint(_BETWEEN)
    if not words.isdisjoint(_WATCHING):
        return not between
    return between or not words.isdisjoint(_LOWER)


def _words(key: str) -> set[str]:
    return set(re.split(r"[^a-z]+", key.lower()))


def _read(text: str) -> dict[str, Any] | None:
    """Key (with dots) to value; None: no form that is known."""
    try:
        value = json.loads(text, parse_constant=lambda _: inf)
    except (ValueError, RecursionError):
        return _lines(text)
    return dict(_flat(value, "")) if isinstance(value, dict) else None


def _flat(value: dict[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, inner in value.items():
        if isinstance(inner, dict):
            yield from _flat(inner, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", inner


def _lines(text: str) -> dict[str, Any] | None:
    """Keys stand below their section, ``[name]``, and below the keys that are less indented."""
    found: dict[str, Any] = {}
    above: list[tuple[int, str]] = []
    for line in text.splitlines():
        plain = line.strip()
        if not plain or plain.startswith(("#", ";")):
            continue
        if plain.startswith("["):
            above = [(-1, plain.strip("[]"))]
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            return None
        indent = len(line) - len(line.lstrip())
        above = [place for place in above if place[0] < indent]
        name, value = match[1], match[2].strip()
        found[".".join([*(one for _, one in above), name])] = _value(value)
        above += [] if value else [(indent, name)]
    return found or None


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        if text.startswith("[") and text.endswith("]"):
            return [part.strip() for part in text[1:-1].split(",")]
        return {"on": True, "yes": True, "off": False, "no": False}.get(text.lower(), text)
