"""The loss of a hidden training run as a law of its width, its steps and its learning rate.

loss = floor + A (w^-q + knee^-q)^(a / q) + B s^-b + bowl(log10 rate - best), a sum of power laws as
language models show them (Hoffmann et al. 2022, "Training Compute-Optimal Large Language Models",
equation 2, there in parameters and tokens); beyond the knee more width gains nothing. The best rate
falls as powers of width and steps; above it the bowl soon grows steep.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

WIDTHS: Final = (8, 1024)
STEPS: Final = (50, 100_000_000)
RATES: Final = (1e-5, 1.0)
#: Widths times steps that one unit of a budget pays for.
UNIT: Final = 1000
#: How sharp the knee is: the larger, the sharper.
SHARPNESS: Final = 4.0
#: Where the best rate and the drawn sizes are told: at this width, and after so many steps.
WIDTH: Final = 64
AFTER: Final = 1000
#: Decades above the best rate from which the bowl is so many times as steep.
STEEP_FROM: Final = 0.4
STEEPER: Final = 6.0


class TrainingRun(NamedTuple):
    """One training run."""

    width: int
    steps: int
    rate: float


@dataclass(frozen=True, slots=True)
class Law:
    """A drawn law."""

    floor: float
    #: Size and exponent of what width, and of what steps still leave.
    wide: float
    by_width: float
    long: float
    by_steps: float
    #: Width from which more is no use; infinite: there is none.
    knee: float
    #: log10 of the best rate at WIDTH and AFTER, and the powers by which it falls.
    rate: float
    rate_by_width: float
    rate_by_steps: float
    #: Loss a squared decade beside the best rate.
    bowl: float

    def best_rate(self, width: Floats | float, steps: Floats | float) -> Floats | float:
        """log10 of the best rate."""
        by_width = self.rate_by_width * np.log10(np.divide(width, WIDTH))
        return self.rate - by_width - self.rate_by_steps * np.log10(np.divide(steps, AFTER))

    def at_best_rate(self, width: Floats, steps: Floats) -> Floats:
        """(n,): noiseless loss at the best rate."""
        narrow = (width**-SHARPNESS + self.knee**-SHARPNESS) ** (self.by_width / SHARPNESS)
        total: Floats = self.floor + self.wide * narrow + self.long * steps**-self.by_steps
        return total

    def loss(self, run: TrainingRun) -> float:
        """Noiseless loss of a run."""
        width, steps = np.array([float(run.width)]), np.array([float(run.steps)])
        away = np.log10(run.rate) - self.best_rate(width, steps)
        steep = STEEPER * np.maximum(0.0, away - STEEP_FROM) ** 2
        return float((self.at_best_rate(width, steps) + self.bowl * (away**2 + steep))[0])

    def best(self, budget: int) -> tuple[TrainingRun, float]:
        """The run of lowest loss that ``budget`` units pay for, and its loss: over every width."""
        widths = np.arange(WIDTHS[0], WIDTHS[1] + 1)
        steps = np.minimum(budget * UNIT // widths, STEPS[1])
        losses = self.at_best_rate(widths.astype(float), steps.astype(float))
        i = int(np.argmin(losses))
        rate = 10 ** float(self.best_rate(float(widths[i]), float(steps[i])))
        return TrainingRun(int(widths[i]), int(steps[i]), rate), float(losses[i])


def price(run: TrainingRun) -> int:
    """Units of a budget that a run costs: width times steps, begun units whole."""
    return -(-run.width * run.steps // UNIT)


@dataclass(frozen=True, slots=True)
class Knobs:
    """What a level draws. Noticing: ``drift``, ``knee`` (small runs mislead about large ones).
    Execution: the rest."""

    #: Units for all exploration, and how many times that the recommended run may cost.
    budget: int
    ratio: int
    #: Standard deviation of a trial.
    noise: float
    #: Largest powers by which the best rate falls with width and with steps.
    drift: tuple[float, float] = (0.0, 0.0)
    #: The knee lies between these many times the best width that there would be without; None: no knee.
    knee: tuple[float, float] | None = None


def draw(random: np.random.Generator, knobs: Knobs) -> Law:
    """A law whose best run at the target size is neither narrow nor as wide as can be."""
    target = float(knobs.budget * knobs.ratio * UNIT)
    width = 10 ** random.uniform(1.5, 2.7)
    by_width, by_steps = random.uniform(0.25, 0.45, size=2)
    # At the best width of a sum of two powers their slopes cancel.
    narrow = random.uniform(0.25, 0.4)
    short = narrow * by_width / by_steps
    knee = np.inf if knobs.knee is None else width * random.uniform(*knobs.knee)
    drift = [random.uniform(most / 2, most) for most in knobs.drift]
    return Law(
        floor=random.uniform(1.0, 2.6),
        wide=narrow * width**by_width, by_width=by_width,
        long=short * (target / width) ** by_steps, by_steps=by_steps,
        knee=knee, rate=random.uniform(-2.6, -1.6), rate_by_width=drift[0], rate_by_steps=drift[1],
        bowl=random.uniform(0.25, 0.5),
    )  # fmt: skip
