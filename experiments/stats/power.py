"""How many episodes a comparison needs, and what difference a number of them can show.

Miller (2024, "Adding Error Bars to Evals"): with paired questions n = (z_{α/2}+z_β)²·(ω² + σ²_A/K_A +
σ²_B/K_B)/δ², where ω² is the variance over questions of the difference in true scores, σ² the variance of
one answer about a question's true score, and K the answers taken per question and side.
"""

import math
from dataclasses import dataclass

from scipy.special import ndtri


@dataclass(frozen=True, slots=True)
class Design:
    """A paired comparison. Variances are of scores; ``level`` is two-sided."""

    #: ω²: of the difference in true scores, over worlds.
    between: float
    #: σ²_A and σ²_B: of one attempt about its world's true score.
    within_a: float = 0.0
    within_b: float = 0.0
    #: K_A and K_B: attempts for each world and side.
    attempts_a: int = 1
    attempts_b: int = 1
    level: float = 0.05
    power: float = 0.8

    def __post_init__(self) -> None:
        if min(self.between, self.within_a, self.within_b) < 0 or min(self.attempts_a, self.attempts_b) < 1:
            raise ValueError("variances are at least 0 and attempts at least 1")
        if not (0 < self.level < 1 and 0 < self.power < 1):
            raise ValueError("level and power lie between 0 and 1")

    @property
    def variance(self) -> float:
        """Of one paired difference."""
        return self.between + self.within_a / self.attempts_a + self.within_b / self.attempts_b


def worlds_needed(design: Design, difference: float) -> int:
    """Worlds that show a true ``difference`` with the design's power.

    Raises:
        ValueError: a difference of 0, which no number of worlds shows.
    """
    if not (difference != 0 and math.isfinite(difference)):
        raise ValueError("the difference to show is not 0 and finite")
    return max(1, math.ceil(_reach(design) ** 2 * design.variance / difference**2 - 1e-9))


def detectable(design: Design, worlds: int) -> float:
    """The smallest true difference that ``worlds`` worlds show with the design's power.

    Raises:
        ValueError: no world.
    """
    if worlds < 1:
        raise ValueError("no world shows no difference")
    return _reach(design) * math.sqrt(design.variance / worlds)


def clean_episodes_needed(rate: float, level: float = 0.05) -> int:
    """Episodes without a finding whose one-sided upper limit of its rate is at most ``rate``.

    Clopper and Pearson's limit of 0 of n is 1 − level^(1/n).

    Raises:
        ValueError: a rate or a level that does not lie between 0 and 1.
    """
    if not (0 < rate < 1 and 0 < level < 1):
        raise ValueError("rate and level lie between 0 and 1")
    return math.ceil(math.log(level) / math.log1p(-rate) - 1e-9)


def _reach(design: Design) -> float:
    return float(ndtri(1 - design.level / 2) + ndtri(design.power))
