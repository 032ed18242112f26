"""The result table: checkpoints by tasks, and how a cell of it is said."""

from collections import Counter
from dataclasses import dataclass
from typing import Final

from experiments.reading.view import EpisodeResult, RunView
from experiments.record.records import Checkpoint
from experiments.results.measured import Measured
from experiments.results.metrics import score_mean
from experiments.results.trend import PLAIN, Health, health
from experiments.text import decimal, plain

#: What stands where there is nothing to tell.
NONE: Final = "-"
#: Decimals of a score that mean something: what is smaller is the arithmetic's.
NOISE: Final = 9


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
    groups: dict[tuple[str, str], list[EpisodeResult]] = {}
    for result in view.results(arm):
        task = f"{result.line.task}@{result.line.level}"
        groups.setdefault((str(result.line.checkpoint), task), []).append(result)
    columns = tuple(dict.fromkeys(task for _, task in groups))
    rows: list[Row] = []
    for status in health(view):
        mine = {column: groups.get((str(status.checkpoint), column), []) for column in columns}
        cells = {
            column: Cell(score_mean(group, "strict"), score_mean(group, "lenient"))
            for column, group in mine.items()
        }
        counts = Counter(code for group in mine.values() for result in group for code in result.codes)
        rows.append(Row(status.checkpoint, cells, dict(sorted(counts.items())), status))
    return ResultTable(arm, columns, tuple(rows))


def cell_text(cell: Cell, *, brief: bool = False) -> str:
    """``0.95 [0.38, 1.57] n=4``, with ``lenient 1.20`` where cheating made a difference; else the cause.

    Args:
        brief: leave out n, and put a dash for a cause.
    """
    strict, lenient = cell.strict, cell.lenient
    if strict.value is None:
        return NONE if brief else strict.cause or "not measured"
    text = score_text(strict.value)
    if strict.low is not None and strict.high is not None:
        text += f" [{score_text(strict.low)}, {score_text(strict.high)}]"
    if not brief:
        text += f" n={strict.n}"
    if lenient.value is not None and lenient.value != strict.value:
        text += f" lenient {score_text(lenient.value)}"
    return text


def score_text(score: float) -> str:
    """A score with two decimals; what only the rounding of a sum leaves of zero is zero."""
    return decimal(round(score, NOISE), 2)


def findings_text(findings: dict[str, int]) -> str:
    """Episodes by code, or a dash."""
    return ", ".join(f"{plain(code, 60)} {count}" for code, count in findings.items()) or NONE


def missing_text(status: Health) -> str:
    """What has no score, and how many attempts were repeated; or a dash."""
    parts = {"ungraded": status.ungraded, "lost": status.lost, "retried": status.retries}
    return ", ".join(f"{count} {word}" for word, count in parts.items() if count) or NONE
