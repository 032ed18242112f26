"""A weak solver whose understanding depends on a recipe of several choices, and how the choices work together.

A recipe chooses one value for each gene. The share of questions that the solver understands under a recipe is a
sum over its genes. In a deceptive landscape the best style and the best order help only together: each alone does
harm, and another style helps alone. Whoever always goes on from the best so far ends there.
"""

import hashlib
import hmac
import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

#: gene -> its values; the root's recipe has the first of each.
GENES: Final[Mapping[str, tuple[str, ...]]] = {
    "style": ("plain", "steps", "check", "chart", "proof", "brief"),
    "order": ("given", "reverse", "short", "long"),
    "form": ("words", "digits", "table", "pairs"),
    "tone": ("calm", "firm", "brisk", "grave"),
}
#: Share of the questions that are understood under the root's recipe, and under the best one.
ROOT: Final = 0.42
BEST: Final = 0.90
#: What a wrong value costs, at least and at most.
_HARM: Final = (0.04, 0.12)
#: Of a deceptive landscape: what the wrong style that helps alone is worth, and what each half of the right pair
#: costs alone.
_LURE: Final = 0.12
_HALF: Final = 0.06
#: A sample is right where the question is understood if its byte is below this: a chance of 0.55.
_RIGHT: Final = 141
_SLIPS: Final[tuple[int, ...]] = (*range(-9, 0), *range(1, 10))
#: Largest number of samples of a question: each takes a byte of one digest.
MAX_SAMPLES: Final = 20

#: gene -> value.
Recipe = Mapping[str, str]


@dataclass(frozen=True)
class Landscape:
    """How much of the questions is understood under each recipe.

    Args:
        worth: gene -> value -> what it adds to the share; the root's own values add 0.
        best: gene -> the value of the best recipe.
        pair: what the best style and the best order add together, beyond what each adds alone.
    """

    worth: Mapping[str, Mapping[str, float]]
    best: Recipe
    pair: float = 0.0

    @property
    def root(self) -> dict[str, str]:
        """The recipe that the archive begins with."""
        return {gene: GENES[gene][0] for gene in self.worth}

    def knows(self, recipe: Recipe) -> bool:
        """Whether a recipe chooses a known value for each gene, and nothing else."""
        return recipe.keys() == self.worth.keys() and all(recipe[g] in self.worth[g] for g in self.worth)

    def understood(self, recipe: Recipe) -> float:
        """The share of the questions that is understood under a recipe that it knows."""
        share = ROOT + sum(self.worth[gene][recipe[gene]] for gene in self.worth)
        if self.pair and all(recipe[gene] == self.best[gene] for gene in ("style", "order")):
            share += self.pair
        return min(max(share, 0.05), BEST)


def draw_landscape(
    draws: random.Random, genes: tuple[str, ...], values: int, *, deceptive: bool
) -> Landscape:
    """A landscape over the first ``values`` values of each of ``genes``.

    The first gene carries half of what is to be gained, the others share the rest; alone it carries all.
    """
    best = {gene: draws.choice(GENES[gene][1:values]) for gene in genes}
    rest = 0.5 / max(len(genes) - 1, 1)
    parts = {
        gene: BEST - ROOT if len(genes) == 1 else (BEST - ROOT) * (0.5 if gene == genes[0] else rest)
        for gene in genes
    }
    worth = {
        gene: {value: -draws.uniform(*_HARM) for value in GENES[gene][:values]}
        | {GENES[gene][0]: 0.0, best[gene]: parts[gene]}
        for gene in genes
    }
    if not deceptive:
        return Landscape(worth, best)
    lure = draws.choice([value for value in GENES["style"][1:values] if value != best["style"]])
    worth["style"] |= {lure: _LURE, best["style"]: -_HALF}
    worth["order"][best["order"]] = -_HALF
    return Landscape(worth, best, parts["style"] + parts["order"] + 2 * _HALF)


@dataclass(frozen=True)
class RecipeSolver:
    """The solver of one split: a pure function of its fields.

    Args:
        salt: the split's secret.
        landscape: how much it understands under each recipe.
        answers: the right answer of every question of the split.
        noisy: each question is understood or not by a coin of its own, so that a small split misleads; else the
            share of the split is exact.
        labels: what answers are marked by, if some of it is wrong.
    """

    salt: bytes
    landscape: Landscape
    answers: Mapping[str, int]
    noisy: bool = False
    labels: Mapping[str, int] | None = None
    _known: dict[str, frozenset[str]] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def marks(self) -> Mapping[str, int]:
        """What an answer to each question is marked by."""
        return self.answers if self.labels is None else self.labels

    def samples(self, question: str, recipe: Recipe, n: int) -> list[str]:
        """The first ``n`` samples of a question that it knows."""
        right = self.answers[question]
        drawn = self._drawn("sample", _text(recipe), question)
        if question not in self._understood(recipe):
            # Always the same wrong answer: voting does not help.
            return [str(right + _SLIPS[drawn[-1] % len(_SLIPS)])] * n
        return [str(right if byte < _RIGHT else right + _SLIPS[byte % len(_SLIPS)]) for byte in drawn[:n]]

    def right(self, recipe: Recipe, votes: int) -> list[bool]:
        """For each question whether a majority of ``votes`` samples is marked right; of equal ones the first given."""
        return [
            Counter(self.samples(question, recipe, votes)).most_common(1)[0][0] == str(mark)
            for question, mark in self.marks.items()
        ]

    def _understood(self, recipe: Recipe) -> frozenset[str]:
        name = _text(recipe)
        if name not in self._known:
            share = self.landscape.understood(recipe)
            place = {q: int.from_bytes(self._drawn("share", name, q)[:6]) / 2**48 for q in self.answers}
            exact = sorted(place, key=place.__getitem__)[: round(share * len(place))]
            self._known[name] = frozenset([q for q in place if place[q] < share] if self.noisy else exact)
        return self._known[name]

    def _drawn(self, *what: str) -> bytes:
        """32 bytes: HMAC-SHA-256 under the salt."""
        return hmac.digest(self.salt, "|".join(what).encode(), hashlib.sha256)


def _text(recipe: Recipe) -> str:
    return ",".join(f"{gene}={value}" for gene, value in sorted(recipe.items()))
