"""The hierarchical bootstrap: families, then tasks, then runs; the first two are shared by all agents.

Instead of copying rows, a draw counts copies: of families and tasks they are multinomial, and the
successes among k copies of n runs are Binomial(k·n, successes / n). The weights stay those of the whole.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator

import numpy as np

from experiments.stats.horizon.table import Floats, Ints, Table


def draw_tasks(table: Table, draws: int, seed: int, part: int = 0) -> Ints:
    """Copies of each task in each draw (draws, T), the same for all agents; every ``part`` has draws of its own."""
    rng = np.random.default_rng([seed, 0, part])
    sizes = table.family_sizes
    families = rng.multinomial(len(sizes), np.full(len(sizes), 1 / len(sizes)), size=draws)
    copies = np.zeros((draws, len(table.octaves)), dtype=np.int64)
    for f, size in enumerate(sizes):
        members = np.flatnonzero(table.family == f)
        copies[:, members] = rng.multinomial(families[:, f] * size, np.full(size, 1 / size))
    return copies


def draw_runs(table: Table, copies: Ints, seed: int, part: int = 0) -> Iterator[tuple[Floats, Floats]]:
    """For each agent the weight of successes and of failures at each task in each draw (draws, T).

    An agent's runs are drawn by its data and not by its name or its place among the others.
    """
    seen: Counter[bytes] = Counter()
    for a in range(len(table.agents)):
        look = hashlib.sha256(table.runs[a].tobytes() + table.passed[a].tobytes()).digest()
        rng = np.random.default_rng([seed, 1, part, seen[look], *look])
        seen[look] += 1
        total = copies * table.runs[a]
        passed = _successes(table, a, total, copies, rng)
        yield passed * table.weights[a], (total - passed) * table.weights[a]


def _successes(table: Table, a: int, total: Ints, copies: Ints, rng: np.random.Generator) -> Floats:
    rates = table.passed[a] / np.maximum(table.runs[a], 1)
    partial = [t for agent, t in table.partial if agent == a]
    rates[partial] = 0.0
    passed = np.multiply(copies, table.passed[a])
    # Where all or none of the runs succeeded there is nothing to draw.
    mixed = np.flatnonzero((rates > 0) & (rates < 1))
    passed[:, mixed] = rng.binomial(total[:, mixed], rates[mixed])
    for t in sorted(partial):
        passed[:, t] = _sums(table.partial[a, t], total[:, t], rng)
    return np.asarray(passed, dtype=np.float64)


def _sums(scores: Floats, counts: Ints, rng: np.random.Generator) -> Floats:
    """For each of ``counts`` the sum of so many scores, each drawn from all of them."""
    drawn = scores[rng.integers(len(scores), size=counts.sum())]
    # A draw of none begins where the next one does, for which reduceat would give that one's first score.
    some = counts > 0
    found = np.zeros(len(counts))
    if some.any():
        found[some] = np.add.reduceat(drawn, (np.cumsum(counts) - counts)[some])
    return found
