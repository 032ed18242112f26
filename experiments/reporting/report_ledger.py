"""The resource ledger of a run: what attempts obtained of everything, against what they were granted."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Final

from pydantic_core import from_json

from experiments.reading.view import RunView
from experiments.record.records import LedgerLine
from experiments.record.resources import FILE, ResourceRow, read
from experiments.record.rundir import attempt_dir
from experiments.record.spread import spread
from experiments.reporting.report_resources import MIB
from experiments.text import plain

#: Things that are named of one resource; the rest are counted.
NAMED: Final = 6
#: Attempts below which it is not worth a process to read their accounts.
_WORTHWHILE: Final = 1_000
_WIDTH, _HEIGHT = 120, 24


@dataclass(frozen=True, slots=True)
class Obtained:
    """One resource over all attempts that observed it: ``seen`` of them, ``some`` of which obtained any.

    ``most`` is what the attempt of ``line`` obtained, the most of all; ``course`` and ``items`` are its.
    """

    resource: str
    unit: str
    granted: float | None
    most: float
    seen: int
    some: int
    line: LedgerLine
    course: tuple[tuple[float, float], ...]
    items: tuple[str, ...]

    @property
    def beyond(self) -> bool:
        """Whether it is more than was granted."""
        return self.granted is not None and self.most > self.granted


def begin_ledger(view: RunView) -> Callable[[], list[Obtained]]:
    """Begins to read the accounts of all attempts; what is returned waits for the entries.

    One for each resource that any attempt observed, in the order of the accounts.
    """
    places = [(line.episode, line.attempt) for line in view.lines]
    accounts = spread(partial(_accounts, view.directory), places, alone=len(places) < _WORTHWHILE)
    return partial(_ledger, view, accounts)


def _ledger(view: RunView, accounts: Iterator[list[list[tuple[str, float]]]]) -> list[Obtained]:
    most: dict[str, tuple[float, LedgerLine]] = {}
    seen: dict[str, list[bool]] = {}
    for line, amounts in zip(view.lines, chain.from_iterable(accounts), strict=True):
        for resource, amount in amounts:
            seen.setdefault(resource, []).append(amount > 0)
            if resource not in most or amount > most[resource][0]:
                most[resource] = amount, line
    found = [(_row(view, resource, line), line) for resource, (_, line) in most.items()]
    return [_obtained(row, line, seen[row.resource]) for row, line in found if row is not None]


def sparkline(one: Obtained) -> str:
    """The course of the attempt that obtained most, as a small ``<svg>``; empty without one."""
    if len(one.course) < 2 or one.most <= 0:
        return ""
    last = one.course[-1][0] or 1
    top = max(one.most, one.granted or 0)
    points: list[str] = []
    height = _HEIGHT - 2
    for (t, value), (after, _) in zip(one.course, (*one.course[1:], one.course[-1]), strict=True):
        y = 1 + height * (1 - value / top)
        points += [f"{_WIDTH * t / last:.1f},{y:.1f}", f"{_WIDTH * after / last:.1f},{y:.1f}"]
    grant = ""
    if one.granted:
        y = 1 + height * (1 - one.granted / top)
        grant = f'<line class="threshold" x1="0" x2="{_WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>'
    return (
        f'<svg class="spark" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}" aria-hidden="true">'
        f'{grant}<polyline class="strict" points="{" ".join(points)}"/></svg>'
    )


def _accounts(run: Path, attempts: Sequence[tuple[str, int]]) -> list[list[tuple[str, float]]]:
    return [_amounts(attempt_dir(run, episode, attempt) / FILE) for episode, attempt in attempts]


def _amounts(path: Path) -> list[tuple[str, float]]:
    """Resource and amount of what an account observed. Of thousands only these are wanted: no validation."""
    try:
        rows: list[dict[str, Any]] = from_json(path.read_bytes())["rows"]
        return [(str(r["resource"]), float(r["obtained"])) for r in rows if r["obtained"] is not None]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _row(view: RunView, resource: str, line: LedgerLine) -> ResourceRow | None:
    account = read(attempt_dir(view.directory, line.episode, line.attempt))
    return next((row for row in account.rows if row.resource == resource), None) if account else None


def _obtained(row: ResourceRow, line: LedgerLine, seen: list[bool]) -> Obtained:
    named = [plain(text, 120) for _, text in row.items[:NAMED]]
    more = [f"and {len(row.items) - NAMED} more"] if len(row.items) > NAMED else []
    size = MIB if row.unit == "B" or row.unit.startswith("B ") else 1
    return Obtained(
        row.resource,
        f"MiB{row.unit.removeprefix('B')}" if size == MIB else row.unit,
        None if row.granted is None else row.granted / size,
        (row.obtained or 0.0) / size,
        len(seen), sum(seen), line,
        tuple((t, value / size) for t, value in row.course),
        (*named, *more),
    )  # fmt: skip
