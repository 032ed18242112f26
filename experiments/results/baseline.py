"""Checkpoints against a baseline, paired on the worlds that both met: series that a policy's rules can read.

A periodic regression looks again with every checkpoint, and intervals of 95 % would cross by chance far too often.
So the k-th later checkpoint of a family gets an interval of level 1 - α/(k(k+1)): the chance that any of them all
misses its difference is at most α = 0.05, by the union bound (α spending: Lan & DeMets 1983).
"""

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from experiments.planning.plan import Plan
from experiments.reading.view import RunView
from experiments.record.records import Checkpoint, LedgerLine, PlanLine
from experiments.results.compare import LARGEST_SCORE, OVERALL, Place, Side, choose_side, paired, scope_of
from experiments.results.measured import Measured, mean_coverage
from experiments.results.metrics import CHEAT_CODES, Scoring, most
from experiments.results.trend import Point, Series, Trend
from experiments.stats.paired import PairedMean, paired_mean

#: The chance that any interval of one family's series misses.
ALPHA: Final = 0.05
#: The first part of these series' names: delta/<task family>/<level>/<scoring>, delta/overall/<scoring>.
DELTA: Final = "delta/"
OPTION: Final = "--baseline"

Pair = tuple[Place, LedgerLine, LedgerLine]


def find_baseline(view: RunView, runs: Path, asked: str) -> Side:
    """The checkpoint that ``asked`` means, its run's chains checked.

    Raises:
        Mistake: there is none of that name and of the run's hash.
    """
    # The run's own check is waited for: while it has a thread here, another would not be spread over processes.
    view.verified()
    return choose_side(view, runs, asked, OPTION, check=True)


def check_asked(asked: str, plan: Plan, stored: Sequence[PlanLine], runs: Path) -> None:
    """Refuses a baseline that a run will not have once it ended, before anything of it is run.

    Args:
        asked: ``family/name``, or ``RUN:family/name`` of the same hash.
        plan: what is about to run.
        stored: the plan as the run has it already.
        runs: directory of the runs.

    Raises:
        Mistake: there is none of that name and of the plan's hash.
    """
    lines = [*stored, *(planned.line for planned in plan.episodes)]
    planned_only = RunView(
        directory=runs / plan.run, name=plan.run, suite=plan.config.suite, version=plan.config.version,
        hash=plan.hash, checkpoints=list(dict.fromkeys(line.checkpoint for line in lines)), lines=[], lost=[],
        pending=[], provider_by_family={}, verified=lambda: None, selftest=None, calibration=None,
    )  # fmt: skip
    choose_side(planned_only, runs, asked, OPTION)


def spelled(view: RunView, baseline: Side) -> str:
    """How to ask for ``baseline`` again, from anywhere."""
    if baseline.view.directory.resolve() == view.directory.resolve():
        return str(baseline.checkpoint)
    return f"{baseline.view.directory.resolve()}:{baseline.checkpoint}"


def as_json(view: RunView, baseline: Side) -> dict[str, Any]:
    """The verdict's ``baseline``."""
    return {**baseline.checkpoint.model_dump(), "run": baseline.view.name, "asked": spelled(view, baseline)}


def with_deltas(measured: Trend, view: RunView, baseline: Side | None, wanted: Iterable[str]) -> Trend:
    """``measured`` with the differences from ``baseline`` of every later checkpoint and every other family.

    ``wanted`` are the metrics that somebody reads; an interval costs some 10 ms.
    """
    names = sorted({metric for metric in wanted if metric.startswith(DELTA)})
    if baseline is None or not names:
        return measured
    points: dict[tuple[str, str], list[Point]] = {}
    looks: Counter[str] = Counter()
    for checkpoint in compared(view, baseline):
        looks[checkpoint.family] += 1
        confidence = 1 - spent(looks[checkpoint.family])
        pairs = paired(baseline, Side(view, checkpoint), (measured.arm,))
        for name in names:
            point = Point(checkpoint, _difference(name, pairs, confidence))
            points.setdefault((name, checkpoint.family), []).append(point)
    for row in points.values():
        row.sort(key=lambda point: point.checkpoint.step)
    there = {key: row for key, row in points.items() if any(p.measured.value is not None for p in row)}
    series = [
        Series(name, family, view.version, view.hash, measured.arm, tuple(row))
        for (name, family), row in there.items()
    ]
    cause = (
        f"not measured: no world in arm {measured.arm} that {baseline.checkpoint} and a later checkpoint met"
    )
    absent = {name: cause for name in names if not any(one.metric == name for one in series)}
    return replace(measured, series=(*measured.series, *series), absent={**measured.absent, **absent})


def compared(view: RunView, baseline: Side) -> list[Checkpoint]:
    """The checkpoints of other families, and of the baseline's own those with a later step, as they came."""
    base = baseline.checkpoint
    return [one for one in view.checkpoints if one.family != base.family or one.step > base.step]


def spent(look: int) -> float:
    """What the ``look``-th interval, from 1 on, may use of ``ALPHA``."""
    return ALPHA / (look * (look + 1))


def _difference(name: str, pairs: Sequence[Pair], confidence: float) -> Measured:
    scope, _, scoring = name.removeprefix(DELTA).rpartition("/")
    mine = [pair for pair in pairs if scope in (OVERALL, scope_of(pair[0]))]
    found = _mean(((place, _value(b, scoring) - _value(a, scoring)) for place, a, b in mine), confidence)
    # What may have been gained at the most: what the later one refused, it may have been able to do.
    highest = _mean(((place, most(b) - _value(a, "lenient")) for place, a, b in mine), confidence)
    lines = [line for pair in mine for line in pair[1:]]
    coverage = mean_coverage(lines, CHEAT_CODES) if scoring == "strict" else None
    return Measured(found.mean, found.low, found.high, found.n, found.cause, coverage, ceiling=highest.high)


def _mean(differences: Iterable[tuple[Place, float]], confidence: float) -> PairedMean:
    """The mean as ``compare`` takes it."""
    by_world: dict[Hashable, list[float]] = {}
    for (task, level, _, world), difference in differences:
        by_world.setdefault((task, level, world), []).append(difference)
    return paired_mean(by_world, confidence, LARGEST_SCORE)


def _value(line: LedgerLine, scoring: Scoring | str) -> float:
    if line.score is None:
        raise ValueError(f"episode {line.episode} has no score")
    return line.score.strict if scoring == "strict" else line.score.lenient
