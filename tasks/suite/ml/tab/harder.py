"""Draws the tables of the levels above L0: more kinds of terms, failed readings, rows of a later time.

Columns, codes and tools are those of L0 (``environment/tables.py``); what acts on the target differs.
"""

from dataclasses import dataclass
from math import erfc, sqrt
from typing import Final

import numpy as np

from tasks.suite.ml.tab.environment.tables import (
    CODE_EFFECT,
    CODE_VALUES,
    COLUMNS,
    LINEAR_EFFECT,
    WORDS,
    Floats,
    Rows,
)

#: What stands in the data where a reading failed: far from every number that was read.
FAILED: Final = 99.0
#: Standard deviations of the terms' parts of the target, from the strongest to the weakest.
EFFECTS: Final = (1.8, 1.0)
_THRESHOLDS: Final = (-0.5, 0.0, 0.5)


@dataclass(frozen=True, slots=True)
class Knobs:
    """What a level draws. Noticing: ``failed``, ``drift`` (what the data do not say of themselves).
    Execution: the rest."""

    #: For training, development and held-out material.
    rows: tuple[int, int, int]
    noise: float
    pairs: int
    squares: int = 0
    gates: int = 0
    triples: int = 0
    #: Share of all readings that failed.
    failed: float = 0.0
    #: How far so many columns have moved in the held-out rows, in standard deviations.
    drift: float = 0.0
    drifting: int = 0


@dataclass(frozen=True, slots=True)
class Term:
    """The product of ``columns``; of one column, its square; above ``gate``, the first where the second is."""

    columns: tuple[int, ...]
    gate: float | None = None

    def of(self, x: Floats) -> Floats:
        """(n,): its values, of variance 1 for independent standard normal columns; 0 for a failed reading."""
        read = [np.where(x[:, column] == FAILED, np.nan, x[:, column]) for column in self.columns]
        if self.gate is not None:
            value = read[0] * np.where(np.isnan(read[1]), np.nan, read[1] > self.gate)
            value = value / sqrt(erfc(self.gate / sqrt(2)) / 2)
        elif len(self.columns) == 1:
            value = (read[0] ** 2 - 1) / sqrt(2)
        else:
            value = np.prod(read, axis=0)
        found: Floats = np.nan_to_num(value)
        return found


@dataclass(frozen=True, slots=True)
class Table:
    """A drawn table. ``later``: inputs of the time of the held-out rows, without targets."""

    names: tuple[str, ...]
    codes: tuple[int, ...]
    terms: tuple[Term, ...]
    train: Rows
    development: Rows
    heldout: Rows
    later: Floats


def draw(seed: int, knobs: Knobs) -> Table:
    """The table of a seed."""
    random = np.random.default_rng(seed)
    names = tuple(WORDS[i] for i in random.permutation(len(WORDS))[:COLUMNS])
    order = [int(i) for i in random.permutation(COLUMNS)]
    codes, numbers = order[:2], order[2:]
    terms = _terms(random, numbers, knobs)
    code_effects = random.normal(size=(2, CODE_VALUES))
    code_effects -= code_effects.mean(axis=1, keepdims=True)
    code_effects *= CODE_EFFECT / code_effects.std(axis=1, keepdims=True)
    slopes = random.normal(size=len(numbers))
    slopes *= LINEAR_EFFECT / np.linalg.norm(slopes)
    effects = np.linspace(*EFFECTS, len(terms)) * random.choice([-1.0, 1.0], size=len(terms))
    moved = np.zeros(COLUMNS)
    moved[random.permutation(numbers)[: knobs.drifting]] = knobs.drift

    def sample(n: int, shift: Floats | float) -> Rows:
        x = random.normal(size=(n, COLUMNS)) + shift
        x[:, codes] = random.integers(CODE_VALUES, size=(n, 2))
        y = x[:, numbers] @ slopes + random.normal(scale=knobs.noise, size=n)
        for term, effect in zip(terms, effects, strict=True):
            y += effect * term.of(x)
        for code, effect in zip(codes, code_effects, strict=True):
            y += effect[x[:, code].astype(int)]
        failed = random.random((n, COLUMNS)) < knobs.failed
        failed[:, codes] = False
        x[failed] = FAILED
        return Rows(x, y)

    n_train, n_development, n_heldout = knobs.rows
    return Table(
        names, tuple(codes), terms, sample(n_train, 0.0), sample(n_development, 0.0),
        sample(n_heldout, moved), sample(n_development, moved).x,
    )  # fmt: skip


def _terms(random: np.random.Generator, numbers: list[int], knobs: Knobs) -> tuple[Term, ...]:
    """Terms in drawn order, no two of the same columns."""
    sizes = [2] * (knobs.pairs + knobs.gates) + [1] * knobs.squares + [3] * knobs.triples
    terms: dict[frozenset[int], Term] = {}
    for place, size in enumerate(sizes):
        while True:
            columns = tuple(int(i) for i in random.permutation(numbers)[:size])
            if frozenset(columns) not in terms:
                break
        gated = knobs.pairs <= place < knobs.pairs + knobs.gates
        terms[frozenset(columns)] = Term(columns, float(random.choice(_THRESHOLDS)) if gated else None)
    drawn = list(terms.values())
    return tuple(drawn[i] for i in random.permutation(len(drawn)))


def engineered(table: Table, x: Floats) -> Floats:
    """The inputs of the reference model: numbers (0 where a reading failed), terms, indicators of the codes."""
    numbers = np.delete(np.where(x == FAILED, 0.0, x), table.codes, axis=1)
    terms = [term.of(x) for term in table.terms]
    indicators = [x[:, code] == value for code in table.codes for value in range(CODE_VALUES)]
    return np.column_stack([numbers, *terms, *indicators]).astype(np.float64)
