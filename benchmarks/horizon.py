"""Time horizons: the vectorised bootstrap against a loop over fits, and the coverage of its intervals.

    .venv/bin/python -I benchmarks/horizon.py [FAMILIES …]

Processor seconds of 10,000 draws at 83 tasks × 10 agents, and of the same draws fitted one after the
other by scikit-learn (a hundred draws of each agent, scaled up), in one run. With numbers of task families it
instead says how often the 95 % interval of p50 holds the horizon that a sample was made with.
"""

import sys
import time
import warnings

import numpy as np
from sklearn.linear_model import LogisticRegression

from experiments.stats.horizon.estimate import PENALTY, analyse
from experiments.stats.horizon.resample import draw_runs, draw_tasks
from experiments.stats.horizon.table import Run, Table, tabulate
from experiments.stats.intervals import clopper_pearson

AGENTS, TASKS, RUNS, DRAWS = 10, 83, 6, 10_000
LOOPED = 100
SAMPLES = 400


def sample(horizons: list[float], families: int, tasks: int, runs: int, seed: int) -> list[Run]:
    """Tasks of 1/4 to 2,048 minutes, each up to two octaves harder or easier than its length tells."""
    rng = np.random.default_rng(seed)
    family = np.sort(np.concatenate([np.arange(families), rng.integers(0, families, tasks - families)]))
    minutes = np.exp2(rng.uniform(-2, 11, tasks))
    felt = minutes * np.exp2(rng.normal(size=families)[family] + rng.normal(size=tasks))
    return [
        Run(f"a{a}", f"t{t}", f"f{family[t]}", float(minutes[t]), float(rng.random() < chance))
        for a, horizon in enumerate(horizons)
        for t in range(tasks)
        for chance in [1 / (1 + felt[t] / horizon)]
        for _ in range(runs)
    ]


def looped(table: Table, draws: int) -> float:
    """Processor seconds of ``draws`` draws of each agent, one scikit-learn fit each."""
    copies = draw_tasks(table, draws, 0)
    features = np.concatenate([table.octaves, table.octaves])[:, None]
    labels = np.repeat([1, 0], len(table.octaves))
    started = time.process_time()
    for passed, failed in draw_runs(table, copies, 0):
        for row in range(draws):
            weights = np.concatenate([passed[row], failed[row]])
            LogisticRegression(C=1 / PENALTY).fit(features, labels, sample_weight=weights)
    return time.process_time() - started


def speed() -> None:
    """Prints the processor seconds of both ways, and their ratio."""
    table = tabulate(sample([2.0**a for a in range(AGENTS)], 40, TASKS, RUNS, 0))
    started = time.process_time()
    found = analyse(table, draws=DRAWS)
    ours = time.process_time() - started
    skipped = sum(found.skipped(agent) for agent in table.agents)
    loop = looped(table, LOOPED) * DRAWS / LOOPED
    print(f"{DRAWS} draws, {TASKS} tasks, {AGENTS} agents: {ours:.2f} CPU-s, {skipped} draws skipped")
    print(f"loop over fits: {loop:.0f} CPU-s, {loop / ours:.0f} times as much")


def coverage(families: int) -> None:
    """Prints how often the interval holds the true horizon, of those that are shown."""
    held = shown = 0
    for seed in range(SAMPLES):
        table = tabulate(sample([45.0], families, 2 * families, 4, seed))
        found = analyse(table, draws=1000, seed=seed).horizon("a0", 0.5)
        if found.low is not None and found.high is not None:
            shown += 1
            held += found.low <= 45 <= found.high
    rate = clopper_pearson(held, shown)
    print(
        f"{families} families: {held} of {shown} [{rate.low:.3f}, {rate.high:.3f}], {SAMPLES - shown} without"
    )


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    if len(sys.argv) == 1:
        speed()
    for number in sys.argv[1:]:
        coverage(int(number))
