"""What changed between two checkpoints, as the report says it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from experiments.reading.view import RunView
from experiments.results.compare import OVERALL, Row, Side, compare, telling
from experiments.results.trend import PLAIN
from experiments.text import decimal

#: A change without an interval counts as one below this.
LEAST_P: Final = 0.05


@dataclass(frozen=True, slots=True)
class Comparison:
    """``b`` against ``a`` on the worlds that both met, by task family and level, then overall."""

    a: Side
    b: Side
    rows: tuple[Row, ...]


def comparisons(view: RunView, baseline: Side | None = None) -> list[Comparison]:
    """Each model family's last checkpoint against ``baseline``, or against its own first one.

    Lenient rows are left out where no cheating made them differ from the strict ones.
    """
    return [Comparison(a, b, tuple(telling(compare(a, b, [PLAIN])))) for a, b in _pairs(view, baseline)]


def change_text(row: Row) -> str:
    """``+0.95 [+0.38, +1.57]``, or the cause why there is no number or no interval."""
    d = row.difference
    if d.mean is None:
        return d.cause or "not measured"
    said = decimal(d.mean, 2, "+")
    if d.low is None or d.high is None:
        return f"{said} ({d.cause or 'no interval'})"
    return f"{said} [{decimal(d.low, 2, '+')}, {decimal(d.high, 2, '+')}]"


def direction(row: Row) -> str:
    """``up`` or ``down`` where the interval leaves no change out, or p where worlds show no spread or no interval."""
    d = row.difference
    if d.mean is None:
        return "not measured"
    beyond = d.low is not None and d.high is not None and (d.low > 0 or d.high < 0)
    by_p = (d.low is None or d.se is None) and d.p is not None and d.p < LEAST_P
    if not beyond and not by_p:
        return "not resolved"
    return "up" if d.mean > 0 else "down"


def p_text(p: float | None) -> str:
    """A p with three decimals: ``< 0.001`` below that, a dash where there is none."""
    if p is None:
        return "–"
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _pairs(view: RunView, baseline: Side | None) -> Iterator[tuple[Side, Side]]:
    there = {line.checkpoint for line in view.lines if line.final and line.arm == PLAIN}
    for family in view.families():
        measured = [checkpoint for checkpoint in view.series_of(family) if checkpoint in there]
        if not measured:
            continue
        first = baseline or Side(view, measured[0])
        last = Side(view, measured[-1])
        if first.checkpoint != last.checkpoint:
            yield first, last


def scope_text(row: Row) -> str:
    """``ml/L0``, or what stands for all of them."""
    return "all tasks" if row.scope == OVERALL else row.scope
