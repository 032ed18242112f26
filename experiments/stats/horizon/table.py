"""Runs of agents at tasks of known length, as counts that the fit and the bootstrap read.

Tasks and families lie in an order that their content gives, not their names: relabelling changes nothing.
"""

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Run:
    """One attempt of ``agent``. ``minutes``: a person's; ``score`` in [0, 1]."""

    agent: str
    task: str
    family: str
    minutes: float
    score: float


@dataclass(frozen=True)
class Table:
    """All runs by agent (A) and task (T).

    ``octaves`` (T): log2 of the minutes; ``family`` (T): index of the task's family; the tasks of one
    family lie together. ``runs`` and ``passed`` (A, T): how many, and the sum of their scores.
    ``partial``: the scores of each (agent, task) that has one between 0 and 1.
    """

    agents: tuple[str, ...]
    octaves: Floats
    family: Ints
    runs: Ints
    passed: Floats
    partial: dict[tuple[int, int], Floats]

    @cached_property
    def family_sizes(self) -> Ints:
        """Tasks of each family (F)."""
        return np.bincount(self.family)

    @cached_property
    def weights(self) -> Floats:
        """Weight of one run (A, T), 0 where there is none; over all runs of an agent they sum to 1.

        ∝ 1 / (runs of that task · √tasks of that family), both the agent's own (METR).
        """
        tried = self.runs > 0
        members = np.zeros((len(self.agents), len(self.family_sizes)))
        np.add.at(members.T, self.family, tried.T)
        with np.errstate(divide="ignore"):
            raw = np.where(tried, 1 / np.sqrt(members[:, self.family]), 0.0)
            each = np.where(tried, raw / np.maximum(self.runs, 1), 0.0)
        return np.asarray(each / raw.sum(axis=1, keepdims=True), dtype=np.float64)

    def index(self, agent: str) -> int:
        """The agent's row.

        Raises:
            ValueError: no such agent.
        """
        return self.agents.index(agent)


def tabulate(runs: Iterable[Run]) -> Table:
    """Counts of ``runs``, in an order that neither their order nor any name decides.

    A task's minutes and family are those of its first run; the caller has made sure that they agree.

    Raises:
        ValueError: no run.
    """
    scores: dict[tuple[str, str], list[float]] = defaultdict(list)
    tasks: dict[str, tuple[str, float]] = {}
    for run in runs:
        scores[run.agent, run.task].append(run.score)
        tasks.setdefault(run.task, (run.family, run.minutes))
    if not scores:
        raise ValueError("no run")
    agents = tuple(sorted({agent for agent, _ in scores}))
    order, family = _ordered(tasks, scores)
    place = {task: t for t, task in enumerate(order)}
    counts = np.zeros((len(agents), len(order)), dtype=np.int64)
    passed = np.zeros((len(agents), len(order)))
    partial: dict[tuple[int, int], Floats] = {}
    for (agent, task), values in scores.items():
        cell = agents.index(agent), place[task]
        counts[cell], passed[cell] = len(values), math.fsum(values)
        if any(0 < value < 1 for value in values):
            partial[cell] = np.array(sorted(values))
    octaves = np.array([math.log2(tasks[task][1]) for task in order])
    return Table(agents, octaves, np.array(family, dtype=np.int64), counts, passed, partial)


def _ordered(
    tasks: dict[str, tuple[str, float]], scores: dict[tuple[str, str], list[float]]
) -> tuple[list[str], list[int]]:
    """Tasks, family by family, with each task's family index; names only break ties."""
    met: dict[str, list[tuple[float, ...]]] = defaultdict(list)
    for (_, task), values in scores.items():
        met[task].append(tuple(sorted(values)))
    looks = {task: (minutes, sorted(met[task]), task) for task, (_, minutes) in tasks.items()}
    groups: dict[str, list[str]] = defaultdict(list)
    for task in sorted(tasks, key=looks.__getitem__):
        groups[tasks[task][0]].append(task)
    by_look = sorted(groups.values(), key=lambda group: [looks[task] for task in group])
    return [task for group in by_look for task in group], [
        f for f, group in enumerate(by_look) for _ in group
    ]
