"""``resources.json``: what an attempt obtained of each resource, against what it was granted."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from experiments.record import durable
from experiments.record.records import Record
from sandbox.canonical import canonical

FILE: Final = "resources.json"


class ResourceRow(Record):
    """One resource. None is: not observed (``obtained``), or bounded by nothing (``granted``).

    ``course`` holds ``[t, value]`` and ``items`` ``[t, text]``, t in microseconds since the attempt began.
    """

    resource: str
    unit: str
    granted: float | None
    obtained: float | None
    course: list[tuple[float, float]]
    items: list[tuple[int, str]]


class ProcessRow(Record):
    """One process of the agent's. ``parent`` is an index into the lineage; None: the runner, or not known."""

    pid: int
    parent: int | None
    orphan: bool
    first: int
    last: int
    programs: list[str]


class Resources(Record):
    """All resources of an attempt, and which of its processes started which."""

    rows: list[ResourceRow]
    lineage: list[ProcessRow]
    #: Processes beyond those.
    lineage_more: int

    def row(self, resource: str) -> ResourceRow:
        """The row of a resource.

        Raises:
            KeyError: it has none.
        """
        for row in self.rows:
            if row.resource == resource:
                return row
        raise KeyError(resource)


def highest(attempts: Iterable[Resources]) -> dict[str, tuple[ResourceRow, int]]:
    """By resource, the row of the attempt that obtained most of it, and in how many it obtained any at all.

    A resource that was observed nowhere is left out.
    """
    found: dict[str, tuple[ResourceRow, int]] = {}
    for attempt in attempts:
        for row in attempt.rows:
            if row.obtained is None:
                continue
            most, some = found.get(row.resource, (row, 0))
            more = (row.obtained or 0) > (most.obtained or 0)
            found[row.resource] = (row if more else most, some + (row.obtained > 0))
    return found


def text(account: dict[str, Any]) -> bytes:
    """The file's content."""
    return canonical(account) + b"\n"


def write(attempt: Path, account: dict[str, Any]) -> None:
    """Writes an attempt's account (``Account.as_json``) into its directory.

    Raises:
        StorageFault: the disk refused it.
    """
    durable.replace(attempt / FILE, text(account))


def read(attempt: Path) -> Resources | None:
    """The account of an attempt, by its directory; None where it has none that can be read."""
    try:
        return Resources.model_validate_json((attempt / FILE).read_bytes())
    except (OSError, ValidationError):
        return None
