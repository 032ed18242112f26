"""The result table: checkpoints by tasks, as a value and as plain text for a terminal."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from experiments.metrics import Measured, score_mean
from experiments.records import Checkpoint
from experiments.text import decimal, plain
from experiments.trend import PLAIN, Health, health
from experiments.view import RunView


@dataclass(frozen=True, slots=True)
class Cell:
    """One checkpoint at one task and level."""

    strict: Measured
    lenient: Measured


@dataclass(frozen=True, slots=True)
class Row:
    """One checkpoint. ``findings`` counts episodes by code."""

    checkpoint: Checkpoint
    cells: dict[str, Cell]
    findings: dict[str, int]
    health: Health


@dataclass(frozen=True, slots=True)
class ResultTable:
    """``columns`` are ``task@level``, the keys of each row's cells."""

    arm: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]


def result_table(view: RunView, arm: str = PLAIN) -> ResultTable:
    """The table of one arm of a run."""
    results = view.results(arm)
    columns = tuple(dict.fromkeys(f"{r.line.task}@{r.line.level}" for r in results))
    rows: list[Row] = []
    for status in health(view):
        mine = [result for result in results if result.line.checkpoint == status.checkpoint]
        cells: dict[str, Cell] = {}
        for column in columns:
            group = [r for r in mine if f"{r.line.task}@{r.line.level}" == column]
            cells[column] = Cell(score_mean(group, "strict"), score_mean(group, "lenient"))
        counts = Counter(code for result in mine for code in result.codes)
        rows.append(Row(status.checkpoint, cells, dict(sorted(counts.items())), status))
    return ResultTable(arm, columns, tuple(rows))


def render(table: ResultTable) -> str:
    """Plain text: strict score with its 95 % interval and n, lenient where it differs."""
    head = ["checkpoint", "step", *table.columns, "findings", "not scored"]
    body = [
        [
            plain(str(row.checkpoint), 40),
            str(row.checkpoint.step),
            *(cell_text(row.cells[column]) for column in table.columns),
            findings_text(row.findings),
            missing_text(row.health),
        ]
        for row in table.rows
    ]
    lines = aligned(head, body)
    lines.append(f"arm {plain(table.arm)}; strict score [95 % interval] n; lenient where it differs")
    return "\n".join(lines) + "\n"


def aligned(head: Sequence[str], body: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a table with a rule under its head; every row has as many cells as the head."""
    widths = [max(len(line[i]) for line in [head, *body]) for i in range(len(head))]
    rule = ["-" * width for width in widths]
    return [_line(line, widths) for line in (head, rule, *body)]


def cell_text(cell: Cell) -> str:
    """``0.95 [0.38, 1.57] n=4``, with ``lenient 1.20`` where cheating made a difference."""
    strict, lenient = cell.strict, cell.lenient
    if strict.value is None or strict.low is None or strict.high is None:
        return strict.cause or "not measured"
    text = f"{decimal(strict.value, 2)} [{decimal(strict.low, 2)}, {decimal(strict.high, 2)}] n={strict.n}"
    if lenient.value is not None and lenient.value != strict.value:
        text += f" lenient {decimal(lenient.value, 2)}"
    return text


def findings_text(findings: dict[str, int]) -> str:
    """Episodes by code, or a dash."""
    return ", ".join(f"{plain(code, 60)} {count}" for code, count in findings.items()) or "-"


def missing_text(status: Health) -> str:
    """What has no score, and how many attempts were repeated; or a dash."""
    parts = {"ungraded": status.ungraded, "lost": status.lost, "retried": status.retries}
    return ", ".join(f"{count} {word}" for word, count in parts.items() if count) or "-"


def _line(parts: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(part.ljust(width) for part, width in zip(parts, widths, strict=True)).rstrip()
