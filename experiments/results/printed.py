"""The result table as plain text: checkpoints down, tasks across, in as many blocks as a terminal needs."""

import textwrap
from collections.abc import Iterator, Sequence
from typing import Final

from experiments.results.table import NONE, ResultTable, Row, cell_text, findings_text, missing_text
from experiments.text import aligned, plain

#: Columns of text; a block holds as many tasks as fit, and at least one.
WIDTH: Final = 110
_GAP: Final = 2


def render(table: ResultTable, width: int = WIDTH) -> str:
    """Strict score with its 95 % interval, lenient where it differs; then findings and what has no score.

    Lines are at most ``width`` characters long, unless one column alone is longer. Causes of missing
    scores are named once, below the blocks.
    """
    counts = {cell.strict.n for row in table.rows for cell in row.cells.values() if cell.strict.n}
    same = len(counts) == 1
    number = f", n = {counts.pop()} in each" if same else " n"
    lines = [f"strict score [95 % interval]{number}; lenient where it differs; arm {plain(table.arm)}"]
    for block in _blocks(table, same, width):
        lines += ["", *block]
    lines += _wrapped(_causes(table), width)
    return "\n".join([*lines, "", *_notes(table.rows, width)]) + "\n"


def _blocks(table: ResultTable, same: bool, width: int) -> Iterator[list[str]]:
    """The tasks in groups that fit, each group as a table of its own."""
    head = [["checkpoint", "step"], *([column] for column in table.columns)]
    names = [[plain(str(row.checkpoint), 40), str(row.checkpoint.step)] for row in table.rows]
    texts = [[cell_text(row.cells[column], brief=same) for row in table.rows] for column in table.columns]
    widths = [
        max(map(len, (column, *cells))) + _GAP for column, cells in zip(table.columns, texts, strict=True)
    ]
    first = sum(max((len(row[i]) for row in [*names, head[0]]), default=0) + _GAP for i in range(2))
    start = 0
    while start < len(widths):
        end, room = start, width + _GAP - first
        while end < len(widths) and (end == start or room >= widths[end]):
            room -= widths[end]
            end += 1
        rows = [[*name, *(texts[i][r] for i in range(start, end))] for r, name in enumerate(names)]
        yield aligned([*head[0], *table.columns[start:end]], rows)
        start = end


def _causes(table: ResultTable) -> list[str]:
    """Why a cell holds a dash; the cells of one cause together, the first by name."""
    found: dict[str, list[str]] = {}
    for row in table.rows:
        for column, cell in row.cells.items():
            if cell.strict.value is None:
                where = f"{plain(str(row.checkpoint), 40)} at {column}"
                found.setdefault(cell.strict.cause or "not measured", []).append(where)
    more = {
        cause: f" and {len(places) - 1} more" if len(places) > 1 else "" for cause, places in found.items()
    }
    return [f"- {cause} ({places[0]}{more[cause]})" for cause, places in found.items()]


def _notes(rows: Sequence[Row], width: int) -> list[str]:
    """Findings and what has no score, by checkpoint; checkpoints with neither are left out."""
    told = [
        (plain(str(row.checkpoint), 40), missing_text(row.health), findings_text(row.findings))
        for row in rows
        if row.findings or missing_text(row.health) != NONE
    ]
    if not told:
        return ["no findings; every episode that ended has a score"]
    complete = all(missing == NONE for _, missing, _ in told)
    rows_of_text = [("checkpoint", "not scored", "findings (episodes)"), *told]
    table = [(name, found) if complete else (name, missing, found) for name, missing, found in rows_of_text]
    indent = sum(max(len(row[i]) for row in table) + _GAP for i in range(len(table[0]) - 1))
    return _wrapped(aligned(table[0], table[1:]), width, indent)


def _wrapped(lines: Sequence[str], width: int, indent: int = 2) -> list[str]:
    """The lines, those that are too long continued below ``indent`` spaces."""
    found: list[str] = []
    for line in lines:
        # A line that fits keeps its columns.
        long = len(line) > width
        found += textwrap.wrap(line, width, subsequent_indent=" " * indent) if long else [line]
    return found
