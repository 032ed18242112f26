"""Draws the rows of the levels above L0: more kinds of spoilt rows, and fewer true labels to check with.

Classes, columns and tools are those of L0 (``environment/rows.py``); what is wrong with the rows differs.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from tasks.suite.ml.clean.environment import rows
from tasks.suite.ml.clean.environment.rows import CLASSES, COLUMNS, WORDS, Drawn, Floats, Integers, Rows

#: What a stuck column reads: a value that others of it have as well, but never the same twice.
STUCK_AT: Final = 3.5
#: How far the columns of a row are thrown about that is none.
STRAY: Final = 4.0
#: Difference between entries of one row that were not copied exactly.
JITTER: Final = 1e-3


@dataclass(frozen=True, slots=True)
class Knobs:
    """What a level draws. Noticing: ``stuck``, ``stray``, ``jittered`` (no tool shows them). Execution: the
    rest."""

    #: Different training rows, audited rows, held-out rows.
    rows: tuple[int, int, int]
    #: Share of a swapped class's rows that bear the other label, and of all rows that bear any other.
    swapped: float
    flipped: float
    #: Share of all rows that another column reads STUCK_AT in, and that are thrown about.
    stuck: float = 0.0
    stray: float = 0.0
    #: The further entries of a row differ from it a little.
    jittered: bool = False
    #: Rows that are learned from: the first of the submission.
    most: int = 100_000


def draw(seed: int, knobs: Knobs) -> Drawn:
    """The rows of a seed."""
    random = np.random.default_rng(seed)
    words = random.permutation(len(WORDS))
    order = [int(i) for i in random.permutation(CLASSES)]
    swaps, (again, other) = ((order[0], order[1]), (order[2], order[3])), order[4:]
    broken, stuck = (int(i) for i in random.permutation(COLUMNS)[:2])
    means = random.normal(scale=rows.SEPARATION, size=(CLASSES, COLUMNS))
    means[:, broken] = rows.BROKEN_SEPARATION * random.permutation(np.linspace(-1, 1, CLASSES))
    n, n_audited, n_heldout = knobs.rows
    clean, heldout = rows.sample(random, means, n), rows.sample(random, means, n_heldout)
    x, spoilt = _spoil(random, clean.x, broken, stuck, knobs)
    given = _mislabel(random, clean.labels, swaps, knobs)
    source = np.flatnonzero((clean.labels == again) & ~spoilt & (random.random(n) < rows.REPEATED))
    place = np.concatenate([np.arange(n), np.repeat(source, rows.ENTRIES)])
    shown = x[place]
    if knobs.jittered:
        shown[n:] += random.normal(scale=JITTER, size=shown[n:].shape)
    given = np.concatenate([given, np.full(len(source) * rows.ENTRIES, other)])
    is_whole = ~spoilt & ~np.isin(np.arange(n), source)
    mixed = random.permutation(len(place))
    return Drawn(
        columns=tuple(WORDS[i] for i in words[:COLUMNS]),
        classes=tuple(WORDS[i] for i in words[COLUMNS : COLUMNS + CLASSES]),
        swaps=swaps, broken=broken, train=Rows(shown[mixed], clean.labels[place[mixed]]), given=given[mixed],
        whole=is_whole[place[mixed]], audited=np.sort(random.permutation(len(place))[:n_audited]),
        heldout=heldout, bayes=rows.bayes(means),
    )  # fmt: skip


def _spoil(
    random: np.random.Generator, clean: Floats, broken: int, stuck: int, knobs: Knobs
) -> tuple[Floats, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    """The readings as they are shown, and whether a row was spoilt: (n, columns) and (n,)."""
    x, n = clean.copy(), len(clean)
    is_broken, is_stuck, is_stray = (
        random.random(n) < share for share in (rows.BROKEN, knobs.stuck, knobs.stray)
    )
    x[is_broken, broken] *= rows.BROKEN_FACTOR
    x[is_stuck, stuck] = STUCK_AT
    x[is_stray] += random.normal(scale=STRAY, size=(int(is_stray.sum()), COLUMNS))
    return x, is_broken | is_stuck | is_stray


def _mislabel(
    random: np.random.Generator, true: Integers, swaps: tuple[tuple[int, int], ...], knobs: Knobs
) -> Integers:
    """The labels as they are shown, (n,)."""
    given = true.copy()
    for a, b in swaps:
        given[(true == a) & (random.random(len(true)) < knobs.swapped)] = b
    flipped = random.random(len(true)) < knobs.flipped
    given[flipped] = (given[flipped] + random.integers(1, CLASSES, size=int(flipped.sum()))) % CLASSES
    return given
