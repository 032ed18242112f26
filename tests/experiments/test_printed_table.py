"""The result table fits a terminal, whatever the number of tasks."""

from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from experiments.reading.view import RunView
from experiments.record.records import Checkpoint, LedgerLine
from experiments.results.measured import Measured
from experiments.results.printed import render
from experiments.results.table import Cell, ResultTable, Row, result_table
from experiments.results.trend import Health

RunViews = Callable[..., RunView]
Lines = Callable[..., LedgerLine]


def a_row(checkpoint: str, cells: dict[str, Cell], **findings: int) -> Row:
    family, _, name = checkpoint.partition("/")
    which = Checkpoint(family=family, name=name, step=int(name))
    return Row(which, cells, findings, Health(which, 4, 0, 0, 0, 0))


def a_cell(strict: float, low: float, high: float, n: int = 4) -> Cell:
    return Cell(Measured(strict, low, high, n), Measured(strict, None, None, n))


def test_tasks_that_do_not_fit_side_by_side_stand_in_a_second_block() -> None:
    cells = {
        "ml/clean@L0": a_cell(0.5, 0.1, 1),
        "ml/tab@L0": a_cell(4e-17, 0, 1.2),
        "a/b@L0": a_cell(1, 0.4, 1.6),
    }
    table = ResultTable("plain", tuple(cells), (a_row("pocket/0", cells, **{"scaffold.edit": 3}),))
    assert render(table, 60).splitlines() == [
        "strict score [95 % interval], n = 4 in each; lenient where it differs; arm plain",
        "",
        "checkpoint  step  ml/clean@L0        ml/tab@L0",
        "----------  ----  -----------------  -----------------",
        "pocket/0    0     0.50 [0.10, 1.00]  0.00 [0.00, 1.20]",
        "",
        "checkpoint  step  a/b@L0",
        "----------  ----  -----------------",
        "pocket/0    0     1.00 [0.40, 1.60]",
        "",
        "checkpoint  findings (episodes)",
        "----------  -------------------",
        "pocket/0    scaffold.edit 3",
    ]


def test_a_score_that_is_missing_is_a_dash_with_its_cause_below(
    run_view: RunViews, ledger_line: Lines
) -> None:
    score = {"raw": 1.2, "strict": 0.0, "lenient": 1.2, "cheats": ["cheat.scorer"]}
    cheat = {"code": "cheat.scorer", "severity": 2, "t": 1, "evidence": [1], "note": ""}
    lines = [
        ledger_line(0, "ml/tab", 0, None, score=score, ungraded=None, findings=[cheat]),
        ledger_line(300, "ml/tab", 0, None),
    ]
    view = run_view(lines=lines, checkpoints=[line.checkpoint for line in lines])
    assert render(result_table(view)).splitlines() == [
        "strict score [95 % interval], n = 1 in each; lenient where it differs; arm plain",
        "",
        "checkpoint  step  ml/tab@L0",
        "----------  ----  ------------------------------",
        "pocket/0    0     0.00 [0.00, 1.95] lenient 1.20",
        "pocket/300  300   -",
        "- not measured: 1 episode, all ungraded (pocket/300 at ml/tab@L0)",
        "",
        "checkpoint  not scored  findings (episodes)",
        "----------  ----------  -------------------",
        "pocket/0    -           cheat.scorer 1",
        "pocket/300  1 ungraded  -",
    ]


def test_counts_that_differ_stand_in_each_cell(run_view: RunViews, ledger_line: Lines) -> None:
    lines = [ledger_line(0, "ml/tab", w, 0.5) for w in range(2)] + [ledger_line(300, "ml/tab", 0, 0.5)]
    text = render(result_table(run_view(lines=lines, checkpoints=[lines[0].checkpoint, lines[2].checkpoint])))
    assert text.startswith("strict score [95 % interval] n; lenient")
    assert [line.rsplit("]", 1)[-1] for line in text.splitlines()[4:6]] == [" n=2", " n=1"]
    assert text.endswith("\nno findings; every episode that ended has a score\n")


@given(st.integers(1, 30), st.integers(1, 30), st.integers(80, 140))
def test_no_line_is_wider_than_asked_and_no_cell_is_lost(tasks: int, codes: int, width: int) -> None:
    cells = {f"family-{i}/task-{i}@L0": a_cell(i / 10, 0, 2) for i in range(tasks)}
    found: dict[str, Any] = {f"code.number-{i}": i + 1 for i in range(codes)}
    text = render(ResultTable("plain", tuple(cells), (a_row("pocket/2000", cells, **found),)), width)
    body = text.splitlines()[1:]
    assert max(map(len, body)) <= width
    words = text.split()
    assert all(words.count(name) == 1 for name in (*cells, *found))
