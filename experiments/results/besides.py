"""What a comparison of two checkpoints says besides the mean difference of their scores."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from experiments.stats.anytime import always_valid_mean
from experiments.stats.intervals import Interval
from experiments.stats.mcnemar import Change
from experiments.stats.paired import PairedMean
from experiments.stats.power import Design, detectable, worlds_needed

#: A tenth of the way from the start to the reference: a difference that is worth looking for.
SOUGHT: Final = 0.1


@dataclass(frozen=True, slots=True)
class Besides:
    """Of one scope and scoring.

    ``cheats``: in which pairs either side cheated. ``detectable``: the smallest true difference that so many
    worlds show with 80 % power, and ``needed``: the worlds that show one of ``SOUGHT``; None where their spread is
    not known. ``always``: the difference with the
    interval that holds however often one looks while worlds are added.
    """

    cheats: Change
    detectable: float | None
    needed: int | None
    always: Interval

    def as_json(self) -> dict[str, Any]:
        """Keys of one element of ``comparisons``."""
        always = self.always
        return {
            "cheats": {"gained": self.cheats.gained, "lost": self.cheats.lost, "n": self.cheats.n, "p": self.cheats.p()},
            "detectable": self.detectable, "needed": {"difference": SOUGHT, "worlds": self.needed},
            "always_valid": {"low": always.low, "high": always.high, "cause": always.cause},
        }  # fmt: skip


def besides(
    differences: Mapping[Any, Sequence[float]], difference: PairedMean, cheats: Change, bound: float
) -> Besides:
    """What else the pairs say.

    Args:
        differences: of each world, in the order in which worlds are added, its paired differences.
        difference: their mean.
        cheats: whether either side of each pair cheated.
        bound: no difference can be larger.
    """
    found = always_valid_mean([sum(group) / len(group) for group in differences.values() if group])
    if found.low is not None and found.high is not None:
        found = Interval(found.point, max(found.low, -bound), min(found.high, bound), found.n)
    shown, needed = None, None
    if difference.se is not None and difference.clusters > 1:
        # Miller's se leaves out that the mean was estimated.
        variance = difference.se**2 * difference.clusters**2 / (difference.clusters - 1)
        shown = detectable(Design(variance), difference.clusters)
        needed = worlds_needed(Design(variance), SOUGHT)
    return Besides(cheats, shown, needed, found)
