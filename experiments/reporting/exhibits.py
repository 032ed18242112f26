"""What is attached to an MLflow run: tables that its UI draws, the same for people, config and policy."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import yaml

from experiments.reading.view import EpisodeResult, RunView
from experiments.record.records import Checkpoint, LedgerLine
from experiments.results.measured import Measured
from experiments.results.printed import render
from experiments.results.table import ResultTable, cell_text, findings_text, missing_text
from experiments.text import plain
from experiments.verdict.gate import Verdict

#: The tag by which MLflow's UI knows which artefacts are tables.
TABLES_TAG: Final = "mlflow.loggedArtifacts"

Value = str | int | float | None


@dataclass(frozen=True, slots=True)
class Table:
    """Named columns and rows of plain values; None is not measured."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]

    def as_json(self) -> str:
        """The form that MLflow's UI draws as a table."""
        return json.dumps({"columns": self.columns, "data": self.rows}, ensure_ascii=False, allow_nan=False)

    def as_csv(self) -> str:
        """RFC 4180, for a spreadsheet or a data frame; not measured is empty."""
        buffer = io.StringIO()
        csv.writer(buffer).writerows([self.columns, *([_cell(value) for value in row] for row in self.rows)])
        return buffer.getvalue()


def tables_tag(names: Sequence[str]) -> dict[str, str]:
    """The tag that makes the UI draw the artefacts ``names`` as tables."""
    return {TABLES_TAG: json.dumps([{"path": name, "type": "table"} for name in names])}


def common_texts(view: RunView, results: ResultTable, verdict: Verdict | None) -> dict[str, str]:
    """Artefacts of every MLflow run: the result table for its UI, for programs and as text, config and policy."""
    texts = {
        "results.json": shown_table(results).as_json(),
        "results.csv": results_table(results).as_csv(),
        "results.txt": render(results),
    }
    config = view.directory / "experiment.yaml"
    if config.exists():
        texts["experiment.yaml"] = config.read_text("utf-8")
    if verdict:
        texts["policy.yaml"] = yaml.safe_dump(verdict.policy.model_dump(mode="json"), sort_keys=False)
    return texts


def shown_table(results: ResultTable) -> Table:
    """Checkpoints by tasks for people: strict, its 95 % interval and n in one cell, lenient where it differs."""
    rows: list[tuple[Value, ...]] = [
        (
            plain(str(row.checkpoint)),
            row.checkpoint.step,
            *(cell_text(row.cells[task]) for task in results.columns),
            findings_text(row.findings),
            missing_text(row.health),
        )
        for row in results.rows
    ]
    return Table(("checkpoint", "step", *results.columns, "findings", "not scored"), tuple(rows))


def results_table(results: ResultTable) -> Table:
    """The same as numbers, one a column: strict, its 95 % interval, lenient and n of each task."""
    names = [
        f"{task} {part}" for task in results.columns for part in ("strict", "low", "high", "lenient", "n")
    ]
    rows: list[tuple[Value, ...]] = []
    for row in results.rows:
        cells = [row.cells[task] for task in results.columns]
        numbers = [value for cell in cells for value in _numbers(cell.strict, cell.lenient)]
        end = (findings_text(row.findings), missing_text(row.health))
        rows.append((plain(str(row.checkpoint)), row.checkpoint.step, *numbers, *end))
    return Table(("checkpoint", "step", *names, "findings", "not scored"), tuple(rows))


def episodes_table(view: RunView, checkpoint: Checkpoint) -> Table:
    """The episodes of one checkpoint, each with its score, its findings and where its evidence lies."""
    columns = (
        "task", "arm", "world", "status", "cause", "strict", "lenient", "cheats", "findings",
        "seconds", "turns", "tokens", "evidence",
    )  # fmt: skip
    mine = (result for result in view.results() if result.line.checkpoint == checkpoint)
    return Table(columns, tuple(_episode(result) for result in mine))


def events_file(line: LedgerLine) -> str:
    """Where an attempt's event log lies, relative to the run directory."""
    return f"episodes/{line.episode}/{line.attempt}/events.jsonl"


def _episode(result: EpisodeResult) -> tuple[Value, ...]:
    line, score, used = result.line, result.line.score, result.line.usage
    tokens = None if used.tokens_in is None or used.tokens_out is None else used.tokens_in + used.tokens_out
    return (
        f"{line.task}@{line.level}",
        plain(line.arm),
        line.world,
        line.status,
        plain(line.cause or line.ungraded or ""),
        score.strict if score else None,
        score.lenient if score else None,
        ", ".join(score.cheats) if score else "",
        ", ".join(sorted(result.codes)),
        None if used.wall_s is None else round(used.wall_s, 2),
        used.turns,
        tokens,
        events_file(line),
    )


def _numbers(strict: Measured, lenient: Measured) -> list[Value]:
    return [*(_rounded(x) for x in (strict.value, strict.low, strict.high, lenient.value)), strict.n]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _cell(value: Value) -> Value:
    """A text that a spreadsheet would take for a formula is marked as text."""
    return (
        f"'{value}"
        if isinstance(value, str) and value[:1] in ("=", "+", "-", "@") and value != "-"
        else value
    )
