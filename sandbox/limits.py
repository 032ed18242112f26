"""What an attempt is granted, in one value object, with units checked where they are written."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Final

from sandbox.errors import Mistake

_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_BYTES: Final = {
    "B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30,
}  # fmt: skip
_QUANTITY = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*$")


@dataclass(frozen=True, slots=True)
class Limits:
    """The grant of one attempt. Durations in seconds, sizes in bytes."""

    #: Seconds from the scaffold's start.
    wall: float = 60.0
    #: Model calls at the door.
    turns: int = 20
    #: Model tokens, in and out together.
    model_tokens: int = 20_000
    #: Processors the box may use at a time.
    cpus: float = 1.0
    #: CPU seconds of the box's cgroup.
    cpu_time: float = 30.0
    memory: int = 512 * 2**20
    #: Processes and threads alive at a time.
    processes: int = 128
    #: Sum of all writable file systems.
    disk: int = 64 * 2**20
    #: Bytes that one started program may print.
    output: int = 2**20
    #: Events in the attempt's log.
    events: int = 50_000
    #: Bytes of the attempt's log, and of what is kept beside it of each version of the scaffold.
    record: int = 64 * 2**20

    def as_json(self) -> dict[str, float | int]:
        """Plain numbers by name, for hashing and for the ledger."""
        return asdict(self)

    def smaller(self, other: "Limits") -> "Limits":
        """Of each limit the smaller one."""
        return replace(
            self, **{f.name: min(getattr(self, f.name), getattr(other, f.name)) for f in fields(self)}
        )


_SECOND_KEYS: Final = frozenset({"wall", "cpu_time"})
_BYTE_KEYS: Final = frozenset({"memory", "disk", "output", "record"})
_NAMES: Final = tuple(f.name for f in fields(Limits))


def parse_limits(written: Mapping[str, Any], *, where: str, key: str = "limits") -> dict[str, float | int]:
    """The numbers behind limits as a person writes them (``60s``, ``512MiB``, ``20``).

    Returns only the limits that were written, in seconds and bytes.

    Raises:
        Mistake: an unknown name, a wrong unit, or a number that is not positive.
    """
    parsed: dict[str, float | int] = {}
    for name, value in written.items():
        place = f"{key}.{name}"
        if name not in _NAMES:
            raise Mistake("unknown key", where=where, key=place, remedy="known: " + ", ".join(_NAMES))
        number = _number(name, value, where, place)
        if number <= 0:
            raise Mistake("must be more than zero", where=where, key=place, remedy=f"it says {value!r}")
        parsed[name] = number
    return parsed


def _number(name: str, value: Any, where: str, place: str) -> float | int:
    units = _SECONDS if name in _SECOND_KEYS else _BYTES if name in _BYTE_KEYS else {}
    expected = "one of " + ", ".join(units) if units else "no unit"
    remedy = f"write a number with {expected}, for example " + (
        "60s" if name in _SECOND_KEYS else "64MiB" if units else "20"
    )
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise Mistake(f"{value!r} is not a quantity", where=where, key=place, remedy=remedy)
    match = _QUANTITY.match(str(value))
    if match is None or (match[2] and match[2] not in units):
        raise Mistake(f"{value!r} is not a quantity", where=where, key=place, remedy=remedy)
    number = float(match[1]) * (units[match[2]] if match[2] else 1)
    return number if name in _SECOND_KEYS or name == "cpus" else int(number)


def check_limits(limits: Limits, *, where: str, key: str = "limits") -> None:
    """Refuses limits that contradict each other.

    Raises:
        Mistake: cpu_time > wall × cpus, disk ≥ memory, or record < output.
    """
    if limits.cpu_time > limits.wall * limits.cpus:
        raise Mistake(
            f"cpu_time {limits.cpu_time:g} s can never be used within wall {limits.wall:g} s × {limits.cpus:g} cpus",
            where=where, key=f"{key}.cpu_time", remedy="lower cpu_time, or raise wall or cpus",
        )  # fmt: skip
    if limits.disk >= limits.memory:
        raise Mistake(
            f"disk {limits.disk} B is not below memory {limits.memory} B, and the box's disks are charged to its memory",
            where=where, key=f"{key}.disk", remedy="lower disk or raise memory",
        )  # fmt: skip
    if limits.record < limits.output:
        raise Mistake(
            f"record {limits.record} B cannot hold one output of {limits.output} B",
            where=where, key=f"{key}.record", remedy="raise record or lower output",
        )  # fmt: skip
