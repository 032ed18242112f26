"""The weak inner solver of level L0: deterministic, offline, and better in one style than in the others.

It stands in for a weak language model inside an agent's own tool. In each style a fixed share of
the questions is misunderstood (always the same wrong answer: voting does not help); the other
questions are answered right with a fixed chance a sample and otherwise with a slip that differs
from sample to sample (voting helps). All of it is drawn by HMAC from a salt, one for each split.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from tasks.inner.draws import uniform

STYLES: Final = ("plain", "steps", "check", "chart", "proof", "brief")
#: What the seed scaffold asks in; it is never the best.
FIRST_STYLE: Final = "plain"
#: Share of the questions that a style misunderstands.
MISUNDERSTOOD_BEST: Final = 0.12
MISUNDERSTOOD_FIRST: Final = 0.60
MISUNDERSTOOD_OTHER: Final = 0.74
#: Chance that a sample is right where the question is understood.
RIGHT_SAMPLE: Final = 0.55
_SLIPS: Final[tuple[int, ...]] = (*range(-9, 0), *range(1, 10))


@dataclass(frozen=True)
class WeakSolver:
    """The solver of one split: a pure function of its fields.

    Args:
        salt: the split's secret.
        best: the style it understands best.
        answers: the right answer of every question of the split.
    """

    salt: bytes
    best: str
    answers: Mapping[str, int]

    def sample(self, question: str, style: str, index: int) -> str:
        """Sample ``index`` of a question. Raises KeyError for a question or style it does not know."""
        right = self.answers[question]
        if question in self._misunderstood[style]:
            return str(right + self._slip("misunderstood", style, question))
        if self._uniform("right", style, question, index) < RIGHT_SAMPLE:
            return str(right)
        return str(right + self._slip("slip", style, question, index))

    def voted(self, question: str, style: str, samples: int) -> str:
        """The most frequent of the first ``samples`` answers; of several, the one given first."""
        return Counter(self.sample(question, style, i) for i in range(samples)).most_common(1)[0][0]

    def accuracy(self, style: str, samples: int) -> float:
        """The share of the split's questions that a vote over ``samples`` answers gets right."""
        right = sum(self.voted(question, style, samples) == str(a) for question, a in self.answers.items())
        return right / len(self.answers)

    @cached_property
    def _misunderstood(self) -> dict[str, frozenset[str]]:
        shares = {style: MISUNDERSTOOD_OTHER for style in STYLES}
        shares |= {FIRST_STYLE: MISUNDERSTOOD_FIRST, self.best: MISUNDERSTOOD_BEST}
        return {
            style: self._lowest(style, round(share * len(self.answers))) for style, share in shares.items()
        }

    def _lowest(self, style: str, n: int) -> frozenset[str]:
        # An exact share, not one coin a question: worlds are then equally hard.
        drawn = sorted(self.answers, key=lambda question: self._uniform("share", style, question))
        return frozenset(drawn[:n])

    def _slip(self, *what: str | int) -> int:
        return _SLIPS[int(self._uniform(*what) * len(_SLIPS))]

    def _uniform(self, *what: str | int) -> float:
        return uniform(self.salt, *what)
