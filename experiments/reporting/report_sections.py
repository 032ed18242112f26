"""The report's parts by task family: its charts, and its tasks one by one where it has several."""

from collections.abc import Sequence
from dataclasses import dataclass

from experiments.record.records import Checkpoint
from experiments.reporting.charts import Chart
from experiments.results.lengths import SHARES, horizon_name
from experiments.results.measured import Measured
from experiments.results.table import Cell, ResultTable
from experiments.results.trend import Trend


@dataclass(frozen=True, slots=True)
class Section:
    """One task family. ``columns`` are its tasks, as ``task@level``."""

    family: str
    charts: tuple[Chart, ...]
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Overview:
    """The capability by checkpoint; ``columns`` are ``task family/level``, the keys of each row's cells."""

    columns: tuple[str, ...]
    cells: dict[Checkpoint, dict[str, Cell]]


def sections(charts: Sequence[Chart], table: ResultTable) -> list[Section]:
    """The task families of a run, in the order of its tasks."""
    families = dict.fromkeys(column.split("/", 1)[0] for column in table.columns)
    return [
        Section(
            family,
            tuple(chart for chart in charts if chart.group.split("/")[0] == family),
            tuple(column for column in table.columns if column.split("/", 1)[0] == family),
        )
        for family in families
    ]


@dataclass(frozen=True, slots=True)
class Horizons:
    """The time horizons of a run; ``missing`` says what has none, or no interval, and why."""

    charts: tuple[Chart, ...]
    missing: tuple[str, ...]


def horizons(charts: Sequence[Chart], measured: Trend) -> Horizons:
    """Charts, and why what is missing is: checkpoints that share what they lack and the cause stand together."""
    lacks: dict[tuple[str, str], list[str]] = {}
    for metric in SHARES:
        name = horizon_name(metric)
        if (cause := measured.absent.get(metric)) is not None:
            lacks.setdefault(("", cause), []).append(name)
        for series in measured.of(metric):
            for point in series.points:
                if (cause := point.measured.cause) is not None:
                    lacks.setdefault((str(point.checkpoint), cause), []).append(name)
    shared: dict[tuple[str, str], list[str]] = {}
    for (checkpoint, cause), names in lacks.items():
        what = " and ".join(names), cause.removeprefix("not measured: ").replace("no horizon: ", "")
        shared.setdefault(what, []).extend([checkpoint] if checkpoint else [])
    missing = (
        f"{names} of {', '.join(where)}: {cause}" if where else f"{names} not measured: {cause}"
        for (names, cause), where in shared.items()
    )
    return Horizons(tuple(charts), tuple(missing))


def overview(charts: Sequence[Chart], table: ResultTable) -> Overview:
    """One column for each task family and level; a checkpoint without a measure has its cause."""
    columns = tuple(dict.fromkeys(chart.group for chart in charts))
    missing = Measured(None, None, None, 0, "not measured")
    cells = {row.checkpoint: dict.fromkeys(columns, Cell(missing, missing)) for row in table.rows}
    for chart in charts:
        beside = (chart.beside or chart.series).points
        for strict, lenient in zip(chart.series.points, beside, strict=True):
            if strict.checkpoint in cells:
                cells[strict.checkpoint][chart.group] = Cell(strict.measured, lenient.measured)
    return Overview(columns, cells)
