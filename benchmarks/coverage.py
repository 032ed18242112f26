"""How often nominal 95 % intervals hold the truth, by kind of data and number of clusters.

    .venv/bin/python -I benchmarks/coverage.py [SAMPLES [ROW …]]

Prints, of the intervals that are shown, the share that hold the true mean: of clustered means and of paired
differences (the same interval; under five clusters Gaffke's, of scores alone), and of scores in [0, 2].
"""

import sys
from collections.abc import Callable

import numpy as np

from experiments.stats.clusters import clustered_mean
from experiments.stats.intervals import bounded_mean
from experiments.stats.paired import paired_mean

CLUSTERS = (4, 8, 15, 30, 60)
Groups = dict[int, list[float]]
Draw = Callable[[np.random.Generator, int], tuple[Groups, float]]


def normal(rng: np.random.Generator, clusters: int) -> tuple[Groups, float]:
    """One to five values a cluster, half of the variance between clusters; the mean is 0."""
    return {c: (rng.normal() + rng.normal(size=rng.integers(1, 6))).tolist() for c in range(clusters)}, 0.0


def skewed(rng: np.random.Generator, clusters: int) -> tuple[Groups, float]:
    """Exponential cluster effects, three values each with little spread of their own; the mean is 1."""
    return {c: (rng.exponential() + 0.3 * rng.normal(size=3)).tolist() for c in range(clusters)}, 1.0


def ties(rng: np.random.Generator, clusters: int) -> tuple[Groups, float]:
    """Three of 0 and 1 a cluster, with rates of .1, .5 and .9; the mean is 0.5."""
    rates = rng.choice([0.1, 0.5, 0.9], clusters)
    return {c: (rng.random(3) < rates[c]).astype(float).tolist() for c in range(clusters)}, 0.5


def rare(rng: np.random.Generator, clusters: int) -> tuple[Groups, float]:
    """Three of 0 and 1 a cluster, a third of the clusters with a rate of .3; the mean is 0.1."""
    rates = rng.choice([0.0, 0.0, 0.3], clusters)
    return {c: (rng.random(3) < rates[c]).astype(float).tolist() for c in range(clusters)}, 0.1


def scores(rng: np.random.Generator, clusters: int) -> tuple[Groups, float]:
    """One score in [0, 2] a cluster, most of them near 0; the mean is 2·0.3/2.3."""
    return {c: [2 * rng.beta(0.3, 2)] for c in range(clusters)}, 0.6 / 2.3


def line(
    name: str, interval: Callable[[Groups], tuple[float | None, float | None]], draw: Draw, samples: int
) -> None:
    """Prints one row: by number of clusters the share that held, and how many were shown."""
    cells = []
    for clusters in CLUSTERS:
        rng = np.random.default_rng(clusters)
        held = shown = 0
        for _ in range(samples):
            groups, truth = draw(rng, clusters)
            low, high = interval(groups)
            if low is not None and high is not None:
                shown += 1
                held += low <= truth <= high
        cells.append(f"{held / shown:.1%} of {shown}" if shown else "none shown")
    print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def limits(found: object) -> tuple[float | None, float | None]:
    """Lower and upper limit of an estimate."""
    return found.low, found.high  # type: ignore[attr-defined]


def main(samples: int, wanted: list[str]) -> None:
    """Prints the rows of the table whose names are wanted; all without a name."""
    print("| data | " + " | ".join(map(str, CLUSTERS)) + " |")
    rows: list[tuple[str, Callable[[Groups], tuple[float | None, float | None]], Draw]] = []
    rows += [
        (f"clustered {d.__name__}", lambda g: limits(clustered_mean(g)), d)
        for d in (normal, skewed, ties, rare)
    ]
    rows += [(f"paired {d.__name__}", lambda g: limits(paired_mean(g)), d) for d in (normal, skewed)]
    rows += [("paired scores", lambda g: limits(paired_mean(g, bound=2.0)), scores)]
    rows += [("bounded scores", lambda g: limits(bounded_mean([v for (v,) in g.values()])), scores)]
    for name, interval, draw in rows:
        if not wanted or name in wanted:
            line(name, interval, draw, samples)


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 1000, sys.argv[2:])
