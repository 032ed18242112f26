"""A metric at one checkpoint, and what all of them are made of: episodes by task, world and coverage.

The cluster is the world: results are averaged within (task, world) first, then over the worlds of
a task, then over tasks, each task with the same weight.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Self

from experiments.reading.view import EpisodeResult
from experiments.record.records import LedgerLine
from experiments.stats.intervals import Interval


@dataclass(frozen=True, slots=True)
class Measured:
    """A metric at one checkpoint. ``n`` counts the episodes behind it.

    ``coverage`` is the mean share of those episodes in which the codes that the metric rests on
    could be seen; None where it rests on none. ``cause`` names why a number is missing. ``ceiling``
    is what a score is ruled out by: the upper limit of the lenient score with refusals counted as
    successes (statistics.md, Scores); None where ``high`` is the upper limit to read.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    cause: str | None = None
    coverage: float | None = None
    components: dict[str, float] = field(default_factory=dict)
    ceiling: float | None = None

    @classmethod
    def of(cls, interval: Interval, n: int, cause: str | None, coverage: float | None = None) -> Self:
        """The interval's numbers; its own cause stands where none is given."""
        return cls(interval.point, interval.low, interval.high, n, cause or interval.cause, coverage)


def world_means(
    results: Sequence[EpisodeResult], value: Callable[[EpisodeResult], float | None]
) -> dict[tuple[str, str], list[float]]:
    """World means by (task, level); a result without a value is left out."""
    worlds: dict[tuple[str, str], dict[int, list[float]]] = {}
    for result in results:
        number = value(result)
        if number is not None:
            line = result.line
            worlds.setdefault((line.task, line.level), {}).setdefault(line.world, []).append(number)
    return {key: [sum(same) / len(same) for same in group.values()] for key, group in worlds.items()}


def mean_coverage(lines: Sequence[LedgerLine], codes: Sequence[str]) -> float | None:
    """The mean share in which ``codes`` could be seen, of the one that could least; None without an episode."""
    if not lines:
        return None
    return min(sum(line.coverage.get(code, 0.0) for line in lines) / len(lines) for code in codes)


def why_no_episode(results: Sequence[EpisodeResult]) -> str | None:
    """The cause where there is none."""
    return None if results else "not measured: no episode"
