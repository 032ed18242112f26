"""``tidegauge horizon``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from experiments.commands.common import Output, shared
from experiments.commands.completing import run_names

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from experiments.results.horizon import Horizons
    from experiments.stats.horizon.estimate import Horizon


@click.command()
@click.argument("source", metavar="RUN|FILE.jsonl", shell_complete=run_names)
@click.option(
    "--lambda", "penalty", type=click.FloatRange(min=1e-9, max=1e6), default=1e-5, show_default=True,
    help="Penalty of the slope; 0.1 compares with METR's results before March 2026.",
)  # fmt: skip
@click.option(
    "--draws", type=click.IntRange(min=0, max=100_000), default=10_000, show_default=True,
    help="Bootstrap draws; 0 gives no intervals.",
)  # fmt: skip
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the draws.")
@click.option(
    "--dates", "dates_file", type=click.Path(path_type=Path), metavar="FILE",
    help="Release dates, agent: YYYY-MM-DD; they give the doubling time.",
)  # fmt: skip
@click.option(
    "--compare", "pair", nargs=2, metavar="NEW REFERENCE", help="Two agents to compare on the shared draws."
)
@click.option(
    "--ratio", "threshold", type=click.FloatRange(min=0, min_open=True, max=1e9), default=1.0, show_default=True,
    help="With --compare: P(horizon of NEW / horizon of REFERENCE > this).",
)  # fmt: skip
@click.option(
    "--plot", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE.svg",
    help="Write a picture of the horizons too, of a RUN by strict scores.",
)  # fmt: skip
@shared
def horizon(
    source: str, penalty: float, draws: int, seed: int, dates_file: Path | None, pair: tuple[str, str] | None,
    threshold: float, plot: Path | None, runs: Path, output: Output,
) -> int:  # fmt: skip
    """Time horizons of a run, or of runs made elsewhere.

    The length of task, in a person's minutes, that an agent masters half of the time (p50), or 80 % of it (p80), by
    METR's method with a hierarchical bootstrap over task families, tasks and runs. FILE.jsonl holds runs
    made elsewhere, a JSON object a line: agent (or alias), task_id, task_family, human_minutes,
    score_binarized (or score_cont). Of a RUN, each checkpoint is an agent, strict and lenient.

    \b
    Example:
      tidegauge horizon runs.jsonl --dates release_dates.yaml --compare "model 2" "model 1"
    """
    from experiments.reading.reading import load_view
    from experiments.record.rundir import EXPERIMENT, find_run
    from experiments.results.horizon import Settings, horizons, runs_of
    from experiments.results.horizon_input import read_dates, read_runs
    from sandbox.errors import Mistake

    if plot is not None and plot.suffix != ".svg":
        raise Mistake(f"{plot.name!r} is no name of an SVG file", where="--plot", remedy="end it in .svg")
    settings = Settings(penalty, draws, seed, pair, threshold)
    dates = {} if dates_file is None else read_dates(dates_file)
    path = Path(source)
    if path.is_file() or (path.suffix == ".jsonl" and not (runs / source / EXPERIMENT).is_file()):
        found = horizons(read_runs(path), settings, dates)
        _draw(found, dates, path.name, plot)
        output.show("\n".join(_text(found)), found.as_json())
        return 0
    scored = runs_of(load_view(find_run(runs, source), check=False))
    strict, lenient = (
        horizons(scored["strict"], settings, dates),
        horizons(scored["lenient"], settings, dates),
    )
    _draw(strict, dates, f"{source}, strict", plot)
    document: dict[str, Any] = {**strict.as_json(), "scoring": "strict", "lenient": lenient.as_json()}
    output.show("\n".join(["strict", *_text(strict), "", "lenient", *_text(lenient)]), document)
    return 0


def _draw(found: "Horizons", dates: "Mapping[str, date]", source: str, plot: Path | None) -> None:
    from experiments.record import durable
    from experiments.reporting.horizon_svg import horizons_svg
    from sandbox.errors import Mistake, StorageFault

    if plot is not None:
        picture = horizons_svg(found, dates, f"Time horizons of {source}")
        try:
            durable.replace(plot, picture.encode("utf-8", "replace"))
        except StorageFault as fault:
            raise Mistake(str(fault), where="--plot", remedy="name a file that you may write") from fault


def _text(found: "Horizons") -> list[str]:
    from experiments.text import aligned, counted, plain

    rows, notes = [], []
    for agent in found.agents:
        numbers = found.analysis.table.runs[found.analysis.table.index(agent)]
        half, most = found.analysis.horizon(agent, 0.5), found.analysis.horizon(agent, 0.8)
        skipped = found.analysis.skipped(agent)
        rows.append([plain(agent, 60), _cell(half), _cell(most), str(numbers.sum()), str(skipped)])
        notes += [f"{plain(agent, 60)}, {which}: {cause}" for cause, which in _causes(half, most).items()]
    lines = aligned(["agent", "p50 [95 %], minutes", "p80 [95 %], minutes", "runs", "draws skipped"], rows)
    settings = found.settings
    return [
        *lines, *notes, *_growth(found), *_comparison(found),
        f"λ = {settings.penalty:g}, {counted(settings.draws, 'draw')}, seed {settings.seed}",
    ]  # fmt: skip


def _causes(half: "Horizon", most: "Horizon") -> dict[str, str]:
    """What is missing of p50 and p80, by its cause."""
    which: dict[str, list[str]] = {}
    for name, horizon in (("p50", half), ("p80", most)):
        for cause in dict.fromkeys(c for c in (horizon.cause, horizon.interval_cause) if c):
            which.setdefault(cause, []).append(name)
    return {cause: " and ".join(names) for cause, names in which.items()}


def _cell(horizon: "Horizon") -> str:
    point = "–" if horizon.minutes is None else f"{horizon.minutes:.4g}"
    if horizon.low is None or horizon.high is None:
        return point
    return f"{point} [{horizon.low:.3g}, {horizon.high:.3g}]"


def _growth(found: "Horizons") -> list[str]:
    from experiments.text import plain

    grown = found.doubling
    if grown.days is None:
        return [f"doubling time: {grown.cause}"]
    interval = f" ({grown.interval_cause})"
    if grown.low is not None and grown.high is not None:
        interval = f" [{grown.low:.4g}, {grown.high:.4g}]"
    best = ", ".join(plain(agent, 60) for agent in grown.agents)
    return [f"doubling time: {grown.days:.4g} days{interval} over {best}"]


def _comparison(found: "Horizons") -> list[str]:
    from experiments.text import plain

    compared, pair = found.ratio, found.settings.pair
    if compared is None or pair is None:
        return []
    new, reference = (plain(agent, 60) for agent in pair)
    said = compared.cause or "no ratio"
    if compared.ratio is not None:
        said = f"{compared.ratio:.3g}"
        if compared.low is not None and compared.high is not None:
            said += f" [{compared.low:.3g}, {compared.high:.3g}]"
    chance = "not measured" if compared.probability is None else f"{compared.probability:.4g}"
    return [f"{new} over {reference}: {said}; P(ratio > {compared.threshold:g}) = {chance}"]
