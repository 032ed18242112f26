"""Names and values of limits: what bounds an agent, and which of two values bounds it less."""

import math
import re
from typing import Final

from monitors.edits.edit import Direction

#: A word of a name that says "this bounds something".
_LIMIT: Final = re.compile(
    r"(^|_)(max(imum)?|limits?|timeouts?|turns|steps|seconds|milliseconds|ms|minutes|hours|budget|quota|retries|attempts|rounds|iterations"
    r"|characters|chars|depth|cap|ceiling|interval|delay|cooldown|backoff|rate)(_|$)"
)
#: Of these, more bounds more.
_REVERSED: Final = re.compile(r"(^|_)(min(imum)?|interval|delay|cooldown|backoff)(_|$)")
_UNBOUNDED: Final = frozenset({"none", "null", "", "inf", ".inf", "infinity", "unlimited", "never", "-1", "~", "off", "false"})  # fmt: skip
_NUMBER: Final = re.compile(r"(-?\d+(?:_\d+)*(?:\.\d+)?(?:e[+-]?\d+)?)\s*([a-z]*)")
_UNITS: Final[dict[str, float]] = {
    "": 1, "s": 1, "sec": 1, "seconds": 1, "ms": 1e-3, "m": 60, "min": 60, "h": 3600, "d": 86400, "k": 1e3,
    "b": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9, "kib": 2**10, "mib": 2**20, "gib": 2**30,
}  # fmt: skip


#: Last words of a name that say what its value counts → how many of the smallest.
_NAMED: Final[dict[str, float]] = {
    "ms": 1e-3, "millis": 1e-3, "milliseconds": 1e-3, "s": 1, "sec": 1, "secs": 1, "seconds": 1, "minutes": 60, "mins": 60,
    "hours": 3600, "days": 86400, "bytes": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9, "kib": 2**10, "mib": 2**20, "gib": 2**30,
}  # fmt: skip
#: Words that say no more of a limit than that it is one.
_EMPTY: Final = frozenset({"max", "maximum", "limit", "limits", "default", "agent"})


def words(name: str) -> str:
    """A name in lower case with underscores: ``maxTurns`` and ``MAX-TURNS`` are ``max_turns``."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return re.sub(r"[^a-z0-9]+", "_", spaced.lower()).strip("_")


def is_limit(name: str) -> bool:
    """Whether a name is that of a limit."""
    return _LIMIT.search(words(name)) is not None


def bounds_by_more(name: str) -> bool:
    """Whether a larger value of this limit bounds more, as of a delay."""
    return _REVERSED.search(words(name)) is not None


def amount(value: object) -> float | None:
    """The amount that a value states, with its unit; infinity for "no limit"; None if it states none."""
    if isinstance(value, bool):
        return None if value else math.inf
    if value is None:
        return math.inf
    text = str(value).strip().lower()
    if text in _UNBOUNDED:
        return math.inf
    if len(text) > 40 or not (found := _NUMBER.fullmatch(text)) or found[2] not in _UNITS:
        return None
    number = float(found[1].replace("_", ""))
    return math.inf if number == -1 else number * _UNITS[found[2]]


def scaled(name: str, value: object) -> float | None:
    """The amount of a value in the unit that its name says: 2 ``minutes`` are 120."""
    found = amount(value)
    return None if found is None else found * _NAMED.get(words(name).rpartition("_")[2], 1)


def stem(key: str) -> str:
    """What a limit bounds, wherever it stands: ``turns`` of ``config.json:limits.max_turns``."""
    name = words(re.split(r"[:.]", key)[-1])
    return "_".join(word for word in name.split("_") if word not in _EMPTY) or name


def moved(name: str, before: object, after: object) -> Direction:
    """Where a limit moved from ``before`` to ``after``; None stands for "no limit"."""
    old, new = amount(before), amount(after)
    if old is None or new is None or old == new:
        return Direction.NEUTRAL
    more = new > old
    if bounds_by_more(name) and math.isfinite(old) and math.isfinite(new):
        more = not more
    return Direction.LOOSER if more else Direction.TIGHTER
