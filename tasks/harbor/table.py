"""A table of a ``task.toml``, whose values are read for what they have to be; what they are not is said with the key."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sandbox.errors import Mistake

#: What remains where something is asked for that no box gives.
LEAVE_OUT: Final = "leave the task out with harbor.skip"
#: Seconds of a build whose task names none.
BUILD_SECONDS: Final = 600.0
_MIB: Final = 2**20
_SIZE: Final = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*([KMG])\s*$", re.IGNORECASE)
_SIZES: Final = {"K": 1 / 1024, "M": 1.0, "G": 1024.0}
_VARIABLE: Final = re.compile(r"\$\{([^}:]+)(?::-([^}]*))?\}")


@dataclass(frozen=True, slots=True)
class Table:
    """Every method raises Mistake, with file and dotted key, where a value is none of what it reads."""

    #: Dotted; empty for the whole file.
    name: str
    values: Mapping[str, Any]
    #: The file.
    where: str

    def key(self, key: str) -> str:
        """The dotted name of one of its keys."""
        return f"{self.name}.{key}".lstrip(".")

    def at(self, dotted: str) -> Any:
        """What stands at a dotted key, None if nothing does."""
        value: Any = self.values
        for part in dotted.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        return value

    def table(self, name: str) -> "Table":
        """A table in it, empty if it is not there."""
        value = self.values.get(name, {})
        if not isinstance(value, dict):
            raise self.wrong(name, "is not a table", f"write [{self.key(name)}]")
        return Table(self.key(name), value, self.where)

    def number(self, key: str, default: float) -> float:
        """A finite number above zero."""
        return self._above_zero(key, self.values.get(key, default))

    def text(self, key: str) -> str | None:
        """A text; None if it is empty or not there."""
        value = self.values.get(key)
        if value is not None and not isinstance(value, str):
            raise self.wrong(key, f"{value!r} is not text", "write it in quotes")
        return value or None

    def user(self) -> str | None:
        """Its ``user``, by name or number."""
        value = self.values.get("user")
        return str(value) if type(value) is int else self.text("user")

    def directory(self) -> str | None:
        """Its ``workdir``, which is absolute."""
        value = self.text("workdir")
        if value is not None and not value.startswith("/"):
            raise self.wrong("workdir", f"{value!r} is not absolute", "begin it with /")
        return value

    def size(self, name: str, default: int) -> int:
        """Bytes. Harbor's megabytes are 2^20 of them; before schema 1.1 a size was text such as ``2G``."""
        if f"{name}_mb" not in self.values and isinstance(old := self.values.get(name), str):
            match = _SIZE.match(old)
            if match is None:
                raise self.wrong(name, f"{old!r} is no size", "write for example 2G")
            return int(self._above_zero(name, float(match[1]) * _SIZES[match[2].upper()]) * _MIB)
        return int(self.number(f"{name}_mb", default) * _MIB)

    def variables(self) -> dict[str, str]:
        """Its ``env``. One that would be taken from the host is refused: no key of the host enters a box."""
        found = self.values.get("env", {})
        if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
            raise self.wrong("env", "is not a table of texts", 'write {NAME = "value"}')
        filled = {}
        for name, value in found.items():
            for match in _VARIABLE.finditer(value):
                if match[2] is None:
                    problem = f"asks for the host's variable {match[1]}, and a box is given none"
                    raise self.wrong(f"env.{name}", problem, "give it a default: ${NAME:-value}")
            filled[name] = _VARIABLE.sub(lambda match: match[2], value)
        return filled

    def _above_zero(self, key: str, value: Any) -> float:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not math.isfinite(value) or value <= 0:
            raise self.wrong(key, f"{value!r} is not a number above zero", "write one")
        return float(value)

    def wrong(self, key: str, problem: str, remedy: str) -> Mistake:
        """What is to be raised of a key."""
        return Mistake(problem, where=self.where, key=self.key(key), remedy=remedy)
