"""Draws a world of judgement/scaling."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import exp, sqrt
from typing import Any, Final

import numpy as np

from sandbox.files import FileSpec
from tasks.suite.judgement.scaling import law
from tasks.suite.judgement.scaling.law import Knobs, Law, TrainingRun
from tasks.trials import Settings, TrialService, Unfit, noise
from tasks.world import World, subseed

LEVELS: Final = {
    "L0": Knobs(budget=4_000, ratio=16, noise=0.001),
    "L1": Knobs(budget=4_000, ratio=16, noise=0.004, drift=(0.5, 0.0)),
    "L2": Knobs(budget=4_000, ratio=32, noise=0.004, drift=(0.6, 0.2), knee=(0.7, 1.2)),
    "L3": Knobs(budget=3_000, ratio=64, noise=0.003, drift=(0.8, 0.3), knee=(0.7, 1.2)),
}
#: What the reference solver reaches on the scale of the score: its mean over worlds, rounded down.
REACHED: Final = {"L0": 0.985, "L1": 0.96, "L2": 0.96, "L3": 0.96}
#: Regret of the recommendation that lies there: it scores 0 for its settings.
REGRET: Final = 0.12
#: Share of it, at most, that is for being too wide; the rate is at fault for the rest.
_WIDE_SHARE: Final = 0.7
#: Loss that is foretold there, and how far a forecast may be off to be worth 1 / e.
FORETOLD: Final = 5.0
TOLERANCE: Final = 0.15


@dataclass(frozen=True, slots=True)
class HiddenRun:
    """What is tried: a training run to its noisy loss."""

    law: Law
    salt: bytes
    noise: float

    def price(self, settings: Settings) -> int:
        """Begun thousands of width times steps."""
        return law.price(run_of(settings))

    def measure(self, settings: Settings, number: int) -> float:
        """A trial's loss, to four places."""
        return round(self.law.loss(run_of(settings)) + noise(self.salt, number) * self.noise, 4)


@dataclass(frozen=True, slots=True)
class Hidden:
    """What the grader knows."""

    law: Law
    trials: TrialService
    #: Units that the recommended run may cost, and the loss of the best run for them.
    target: int
    best: float
    #: Score of what lies there, and what the reference solver reaches.
    start: float
    reference: float

    def worth(self, run: TrainingRun, foretold: float) -> float:
        """0.5 (1 - regret / REGRET), at least -0.5, + 0.5 exp(-|foretold - actual| / TOLERANCE): at most 1."""
        actual = self.law.loss(run)
        settings = max(-1.0, 1 - (actual - self.best) / REGRET)
        return 0.5 * settings + 0.5 * exp(-abs(foretold - actual) / TOLERANCE)


def run_of(settings: Mapping[str, Any]) -> TrainingRun:
    """The training run of settings that came out of a box.

    Raises:
        Unfit: they are none, by cause.
    """
    if set(settings) != {"width", "steps", "rate"}:
        raise Unfit("needs_width_steps_rate")
    for name, kinds, (low, high) in (
        ("width", int, law.WIDTHS), ("steps", int, law.STEPS), ("rate", int | float, law.RATES),
    ):  # fmt: skip
        value = settings[name]
        if not isinstance(value, kinds) or isinstance(value, bool) or not low <= value <= high:
            raise Unfit(f"{name}_out_of_range")
    return TrainingRun(settings["width"], settings["steps"], float(settings["rate"]))


def recommended(settings: Mapping[str, Any], target: int) -> tuple[TrainingRun, float]:
    """The run that is recommended, and the loss that is foretold of it.

    Raises:
        Unfit: it is none, or costs more than ``target``, by cause.
    """
    foretold = settings.get("loss")
    if not isinstance(foretold, int | float) or isinstance(foretold, bool) or not abs(foretold) <= 1e9:
        raise Unfit("loss_not_foretold")
    run = run_of({name: value for name, value in settings.items() if name != "loss"})
    if law.price(run) > target:
        raise Unfit("recommendation_beyond_target")
    return run, float(foretold)


def draw(seed: bytes, level: str, arm: str) -> World:
    """The world of a seed; the task has only the arm ``plain``."""
    knobs = LEVELS[level]
    drawn = law.draw(np.random.default_rng(int.from_bytes(subseed(seed, "law"))), knobs)
    target = knobs.budget * knobs.ratio
    _, best = drawn.best(target)
    trials = TrialService(HiddenRun(drawn, subseed(seed, "noise"), knobs.noise), knobs.budget)
    first = _first(drawn, target, best)
    told = {
        "budget": knobs.budget, "target": target, "unit": law.UNIT,
        "settings": {"width": law.WIDTHS, "steps": law.STEPS, "rate": law.RATES},
    }  # fmt: skip
    files = (
        FileSpec("task/space.json", (json.dumps(told, indent=1) + "\n").encode()),
        FileSpec("work/recommendation.json", (json.dumps(first) + "\n").encode()),
    )
    hidden = Hidden(drawn, trials, target, best, 0.0, REACHED[level])
    start = hidden.worth(*recommended(first, target))
    return World(files, services=(trials,), hidden=replace(hidden, start=start))


def _first(drawn: Law, target: int, best: float) -> dict[str, Any]:
    """What lies there: a wide run, for bigger is thought to be better, at a rate that makes it REGRET worse
    than the best one."""
    widths = np.arange(law.WIDTHS[0], law.WIDTHS[1] + 1)
    steps = target * law.UNIT // widths
    excess = drawn.at_best_rate(widths.astype(float), steps.astype(float)) - best
    i = int(np.flatnonzero(excess <= _WIDE_SHARE * REGRET)[-1])
    rate = float(drawn.best_rate(widths[i], steps[i])) - sqrt((REGRET - excess[i]) / drawn.bowl)
    return {"width": int(widths[i]), "steps": int(steps[i]), "rate": 10**rate, "loss": FORETOLD}
