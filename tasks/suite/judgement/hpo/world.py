"""Draws a world of judgement/hpo."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from sandbox.files import FileSpec
from tasks.suite.judgement.hpo.space import Points
from tasks.suite.judgement.hpo.surface import Knobs, Surface, space_of
from tasks.suite.judgement.hpo.surface import draw as draw_surface
from tasks.trials import Settings, TrialService, noise
from tasks.world import World, subseed

#: Names of solvers and rules; a closed vocabulary of plain words.
WORDS: Final = (
    "heat", "flow", "mass", "tilt", "site", "lane", "wind", "salt", "load", "speed", "force", "light",
    "noise", "width", "angle", "grain", "charge", "wave", "pulse", "ridge", "slope", "crest", "drift",
    "sand", "clay", "stone", "frost", "cloud", "rain", "tide", "current", "port", "shift", "batch",
    "line", "plant", "crew", "gain",
)  # fmt: skip
LEVELS: Final = {
    "L0": Knobs(
        solvers=4, rules=4, shared=2, own=0, budget=20, noise=0.003, unrest=2.0, effects=(0.035, 0.24),
        weights=(1.0, 1.6), depth=4.0, alike=True,
    ),
    "L1": Knobs(
        solvers=3, rules=3, shared=2, own=1, budget=40, noise=0.01, unrest=2.0, effects=(0.1, 0.25),
        weights=(1.0, 1.6), depth=4.0, decoy=True,
    ),
    "L2": Knobs(
        solvers=3, rules=3, shared=3, own=1, budget=50, noise=0.008, unrest=2.0, effects=(0.14, 0.25),
        weights=(1.0, 1.6), depth=3.0, coupling=0.3, decoy=True, loud=2.5,
    ),
    "L3": Knobs(
        solvers=4, rules=4, shared=3, own=1, budget=60, noise=0.008, unrest=3.0, effects=(0.14, 0.28),
        weights=(1.0, 1.6), depth=2.0, coupling=0.35, decoy=True, loud=3.0,
    ),
}  # fmt: skip
#: Random searches that the start score is the mean of.
SEARCHES: Final = 400
#: Share of the start's excess loss that the reference tuner leaves, on average.
LEFT: Final = {"L0": 0.001, "L1": 0.006, "L2": 0.011, "L3": 0.018}
#: Largest share of the start's excess loss that the words of the start recommendation make up.
_WORDS_SHARE: Final = 0.75
_CANDIDATES: Final = 20_000


@dataclass(frozen=True, slots=True)
class HiddenRun:
    """What is tried: settings to a noisy loss."""

    surface: Surface
    salt: bytes

    def price(self, settings: Settings) -> int:
        """Every trial costs one unit."""
        self.surface.space.place(settings)
        return 1

    def measure(self, settings: Settings, number: int) -> float:
        """A trial's loss, to four places."""
        point = self.surface.space.place(settings)
        away = noise(self.salt, number) * self.surface.spread(point)
        loss = self.surface.best + self.surface.excess(point) + away
        return round(float(loss[0]), 4)


@dataclass(frozen=True, slots=True)
class Hidden:
    """What the grader knows. Scores are excess losses, noiseless, turned so that larger is better."""

    surface: Surface
    trials: TrialService
    #: Mean excess loss of what random search recommends after as many trials.
    start: float
    #: Excess loss that the reference tuner leaves.
    reference: float

    def excess(self, settings: Mapping[str, Any]) -> float:
        """Noiseless excess loss of settings. Raises tasks.trials.Unfit."""
        return float(self.surface.excess(self.surface.space.place(settings))[0])


def draw(seed: bytes, level: str, arm: str) -> World:
    """The world of a seed; the task has only the arm ``plain``."""
    knobs = LEVELS[level]
    random = np.random.default_rng(int.from_bytes(subseed(seed, "surface")))
    space = space_of(random, knobs, WORDS)
    surface = draw_surface(random, space, knobs)
    start = searched(surface, knobs.budget, random)
    trials = TrialService(HiddenRun(surface, subseed(seed, "noise")), knobs.budget)
    told = {"budget": knobs.budget, "settings": space.document()}
    shown = space.settings(_like(surface, start, random), 0)
    files = (
        FileSpec("task/space.json", (json.dumps(told, indent=1) + "\n").encode()),
        FileSpec("work/recommendation.json", (json.dumps(shown) + "\n").encode()),
    )
    return World(files, services=(trials,), hidden=Hidden(surface, trials, start, LEFT[level] * start))


def searched(surface: Surface, budget: int, random: np.random.Generator) -> float:
    """Mean excess loss of the best-looking of ``budget`` random trials, over ``SEARCHES`` searches."""
    points = surface.space.sample(random, SEARCHES * budget)
    excess = surface.excess(points)
    seen = excess + surface.spread(points) * random.normal(size=len(excess))
    taken = seen.reshape(SEARCHES, budget).argmin(axis=1)
    return float(excess.reshape(SEARCHES, budget)[np.arange(SEARCHES), taken].mean())


def _like(surface: Surface, start: float, random: np.random.Generator) -> Points:
    """A random point about as good as random search, with a second best word for as many of the choices,
    the solver first, as leave the numbers a part in the fault."""
    points = surface.space.sample(random, _CANDIDATES)
    fault = 0.0
    for column, effects in enumerate(surface.effects):
        best, second = np.argsort(effects)[:2]
        fits = fault + effects[second] < _WORDS_SHARE * start
        points.words[:, column] = second if fits else best
        fault += float(effects[second]) if fits else 0.0
    near = int(np.argmin(np.abs(surface.excess(points) - start)))
    return Points(points.words[near : near + 1], points.units[near : near + 1])
