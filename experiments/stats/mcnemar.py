"""Paired yes and no: McNemar's exact test on the pairs that differ.

McNemar (1947); exact by the binomial distribution: of the pairs in which the two sides differ, each side is
as likely to be the one that succeeded if there is no difference.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from scipy.special import bdtr

Side = Literal["two", "less", "greater"]


@dataclass(frozen=True, slots=True)
class Change:
    """Pairs of yes and no, before and after.

    ``gained``: no, then yes; ``lost``: yes, then no. ``difference`` is the share after less the share before.
    """

    gained: int
    lost: int
    n: int

    @property
    def difference(self) -> float | None:
        """None without pairs."""
        return (self.gained - self.lost) / self.n if self.n else None

    def p(self, side: Side = "two") -> float:
        """The chance of a change at least this large without any true one.

        ``less`` counts a fall as evidence, ``greater`` a rise. Without a pair that differs it is 1.
        """
        differing = self.gained + self.lost
        if differing == 0:
            return 1.0
        fall, rise = float(bdtr(self.gained, differing, 0.5)), float(bdtr(self.lost, differing, 0.5))
        if side == "two":
            return min(1.0, 2 * min(fall, rise))
        return fall if side == "less" else rise


def change(pairs: Iterable[tuple[bool, bool]]) -> Change:
    """Counts pairs of (before, after)."""
    seen = list(pairs)
    gained = sum(after and not before for before, after in seen)
    return Change(gained, sum(before and not after for before, after in seen), len(seen))
