"""The loss surface of a hidden training run, with a known optimum.

loss = best + effect of each word + bowl(units; solver), where the bowl is a saturating quadratic about
the solver's own best place: c (1 - exp(-q / c)), q the quadratic form. Effects and bowls are at least 0
and both 0 at one place, so that no settings lie below ``best``.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from tasks.suite.judgement.hpo.space import Choice, Floats, Number, Points, Space

#: Loss at the optimum: between these.
BEST: Final = (0.2, 0.3)
#: A solver's best place lies between these on every scale.
CENTRES: Final = (0.15, 0.85)


@dataclass(frozen=True, slots=True)
class Knobs:
    """What a level draws. Noticing: ``alike``, ``decoy``, ``loud`` (whether what looks best is so). Execution: the rest."""

    #: Words of the two choices, solver and rule.
    solvers: int
    rules: int
    #: Numbers that all solvers have, and further ones that each has for itself.
    shared: int
    own: int
    #: Trials granted.
    budget: int
    #: Standard deviation of a trial at the optimum; it grows by so many times the excess loss.
    noise: float
    unrest: float
    #: Least and largest effect of a word that is not the best.
    effects: tuple[float, float]
    #: Least and largest weight of a number in the bowl, and how deep a bowl can be.
    weights: tuple[float, float]
    depth: float
    #: Solvers have one bowl together: what compares them anywhere compares them everywhere.
    alike: bool = False
    #: How far numbers act together: 0 not at all, below 1.
    coupling: float = 0.0
    #: A solver other than the best looks best in the middle of all scales.
    decoy: bool = False
    #: Another solver's trials are so many times as noisy: its best trial is luck.
    loud: float = 1.0


@dataclass(frozen=True, slots=True)
class Surface:
    """A drawn surface over a space."""

    space: Space
    best: float
    #: For each choice (words,): what a word adds.
    effects: tuple[Floats, ...]
    #: (solvers, numbers) and (solvers, numbers, numbers): each solver's bowl.
    centres: Floats
    forms: Floats
    depth: float
    noise: float
    unrest: float
    #: (solvers,): factor of its noise.
    louder: Floats

    def excess(self, points: Points) -> Floats:
        """(n,): noiseless loss above that of the optimum."""
        solver = points.words[:, 0]
        away = points.units - self.centres[solver]
        squares = np.einsum("ni,nij,nj->n", away, self.forms[solver], away)
        total: Floats = self.depth * -np.expm1(-squares / self.depth)
        for column, effects in enumerate(self.effects):
            total = total + effects[points.words[:, column]]
        return total

    def spread(self, points: Points) -> Floats:
        """(n,): standard deviation of a trial."""
        spread: Floats = self.noise * (1 + self.unrest * self.excess(points))
        return spread * self.louder[points.words[:, 0]]

    def optimum(self) -> Points:
        """The place where the excess is 0."""
        words = np.array([[int(np.argmin(effects)) for effects in self.effects]])
        return Points(words, self.centres[words[:, 0]])


def draw(random: np.random.Generator, space: Space, knobs: Knobs) -> Surface:
    """A surface over ``space``."""
    k, d = knobs.solvers, len(space.numbers)
    effects = tuple(_effects(random, len(choice.words), knobs.effects) for choice in space.choices)
    centres = random.uniform(*CENTRES, size=(k, d))
    forms = np.array([_form(random, d, knobs) for _ in range(k)])
    if knobs.alike:
        centres[:], forms[:] = centres[0], forms[0]
    held = space.has()
    forms *= held[:, :, None] * held[:, None, :]
    best, *others = np.argsort(effects[0])
    if knobs.decoy:
        _hide(random, centres, int(best), int(others[0]))
    louder = np.ones(k)
    louder[others[-1]] = knobs.loud
    for column, number in enumerate(space.numbers):
        if number.whole:
            steps = number.high - number.low
            centres[:, column] = np.round(centres[:, column] * steps) / steps
    return Surface(
        space, float(random.uniform(*BEST)), effects, centres, forms, knobs.depth, knobs.noise, knobs.unrest,
        louder,
    )  # fmt: skip


def space_of(random: np.random.Generator, knobs: Knobs, words: tuple[str, ...]) -> Space:
    """Two choices of different words; numbers by name, the solvers' own ones after the shared."""
    drawn = [words[i] for i in random.permutation(len(words))[: knobs.solvers + knobs.rules]]
    solvers = tuple(drawn[: knobs.solvers])
    numbers = list(SHARED[: knobs.shared])
    for solver in solvers:
        numbers += [Number(f"{solver}_{name}", 0.0, 1.0, only=(solver,)) for name in OWN[: knobs.own]]
    return Space((Choice("solver", solvers), Choice("rule", tuple(drawn[knobs.solvers :]))), tuple(numbers))


SHARED: Final = (
    Number("rate", 1e-4, 1.0, log=True),
    Number("depth", 2, 22, whole=True),
    Number("decay", 1e-6, 0.1, log=True),
)
OWN: Final = ("pull", "blend")


def _effects(random: np.random.Generator, n: int, between: tuple[float, float]) -> Floats:
    """0 for one word, for the others even steps from the least to the largest, in drawn order."""
    low, high = between
    others = np.linspace(low, high, n - 1)
    effects: Floats = random.permutation(np.concatenate([[0.0], others]))
    return effects


def _form(random: np.random.Generator, d: int, knobs: Knobs) -> Floats:
    """A positive definite form with the drawn weights on its diagonal."""
    roots = np.sqrt(random.uniform(*knobs.weights, size=d))
    signs = random.choice([-1.0, 1.0], size=d)
    together: Floats = (1 - knobs.coupling) * np.eye(d) + knobs.coupling * np.outer(signs, signs)
    return roots[:, None] * together * roots


def _hide(random: np.random.Generator, centres: Floats, best: int, decoy: int) -> None:
    """Puts the decoy's best place near the middle, and the best solver's near the ends of its scales."""
    d = centres.shape[1]
    centres[decoy] = random.uniform(0.45, 0.55, size=d)
    low, high = CENTRES
    ends = np.where(random.random(d) < 0.5, low, high)
    centres[best] = ends + random.uniform(-0.03, 0.03, size=d)
