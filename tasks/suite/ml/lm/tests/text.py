"""Draws a language of which everything is known, and text of it.

The next symbol hangs on those a few places back, the lags, and on nothing else: its logarithmic probabilities are
the sum of one row for each lag, and where a language has such, of one for the pair of symbols at the first two lags,
so that the cross-entropy of any model is known exactly. Needs numpy only.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Symbols = npt.NDArray[np.int64]

#: Symbols of context that a model is shown; no lag is longer.
CONTEXT: Final = 8


@dataclass(frozen=True, slots=True)
class Sizes:
    """Symbols of the alphabet, lags, standard deviation of their rows; lines of text and their length."""

    alphabet: int
    lags: int
    weight: float
    lines: int
    length: int
    #: Contexts that a model is judged on.
    contexts: int
    #: Dimensions in which all rows lie; 0: in any.
    rank: int = 0
    #: Standard deviation of the rows of pairs; 0: there are none.
    pairs: float = 0.0


@dataclass(frozen=True, slots=True)
class Language:
    """``rows`` of shape (lags, alphabet, alphabet): a lag's symbol to the logarithms that it adds.

    ``pairs`` of shape (alphabet, alphabet, alphabet): likewise for the symbols at the first two lags together.
    """

    sizes: Sizes
    lags: tuple[int, ...]
    rows: Floats
    pairs: Floats | None = None

    def probabilities(self, contexts: Symbols) -> Floats:
        """Of each next symbol, shape (n, alphabet), after contexts of shape (n, CONTEXT)."""
        logs = sum(row.take(contexts[:, -lag], axis=0) for lag, row in zip(self.lags, self.rows, strict=True))
        if self.pairs is not None:
            first, second = (contexts[:, -lag] for lag in self.lags[:2])
            pairs = self.pairs.reshape(-1, self.sizes.alphabet)
            logs = logs + pairs.take(first * self.sizes.alphabet + second, axis=0)
        found = np.exp(logs - np.max(logs, axis=1, keepdims=True))
        return np.asarray(found / found.sum(axis=1, keepdims=True))

    def sample(self, random: np.random.Generator) -> tuple[Symbols, Symbols]:
        """Contexts, shape (n, CONTEXT), from text of their own, and a text, shape (lines, length)."""
        apart = self.sizes.length // CONTEXT
        own = -(-self.sizes.contexts // apart)
        lines = self._lines(random, own, self.sizes.lines)
        contexts = lines[:own, : apart * CONTEXT].reshape(-1, CONTEXT)
        return contexts[: self.sizes.contexts], lines[own:]

    def _lines(self, random: np.random.Generator, *texts: int) -> Symbols:
        """Texts of so many lines, each begun long before it is seen; drawn one by one and continued together."""
        steps = self.sizes.length + 4 * CONTEXT
        drawn = [
            (random.integers(self.sizes.alphabet, size=(lines, CONTEXT)), random.random((steps, lines, 1)))
            for lines in texts
        ]
        begun, chances = (np.concatenate(parts, axis=-2) for parts in zip(*drawn, strict=True))
        shown = np.concatenate([begun, np.empty((len(begun), steps), dtype=np.int64)], axis=1)
        for place, chance in enumerate(chances, start=CONTEXT):
            sums = np.cumsum(self.probabilities(shown[:, place - CONTEXT : place]), axis=1)
            # Rounding may leave the last sum a hair below 1.
            shown[:, place] = np.minimum(np.count_nonzero(chance > sums, axis=1), self.sizes.alphabet - 1)
        return shown[:, -self.sizes.length :]


def draw_lags(random: np.random.Generator, sizes: Sizes) -> tuple[int, ...]:
    """Different lags, ascending."""
    return tuple(sorted(int(lag) + 1 for lag in random.choice(CONTEXT, sizes.lags, replace=False)))


def draw(random: np.random.Generator, sizes: Sizes, lags: tuple[int, ...]) -> Language:
    """A language with given lags."""
    if not sizes.rank:
        shape = (sizes.lags, sizes.alphabet, sizes.alphabet)
        return Language(sizes, lags, random.normal(scale=sizes.weight, size=shape))
    places = random.normal(size=(sizes.lags + 2, sizes.alphabet, sizes.rank))
    ways = random.normal(size=(sizes.rank, sizes.alphabet)) / np.sqrt(sizes.rank)
    rows = sizes.weight * places[:-2] @ ways
    if not sizes.pairs:
        return Language(sizes, lags, rows)
    first, second = places[-2:]
    return Language(sizes, lags, rows, sizes.pairs * (first[:, None] * second) @ ways)


def answer(program: str, text: Symbols, contexts: Symbols) -> Floats:
    """What one of the task's own programs, by its text, gives after ``contexts`` once it has learned ``text``."""
    space: dict[str, Any] = {"__name__": "lm"}
    exec(program, space)
    return np.asarray(space["answer"](text, contexts))


def divergence(right: Floats, found: Floats) -> float:
    """Mean over contexts of the Kullback-Leibler divergence in nats, sum of p log(p / q): cross-entropy less entropy.

    Infinite where a symbol that may come has probability 0.
    """
    with np.errstate(divide="ignore"):
        return float(np.mean(np.sum(right * (np.log(right) - np.log(found)), axis=1)))
