"""The scaffolds' lineage as the report shows it."""

from dataclasses import dataclass
from typing import Final

from experiments.reading.view import RunView
from experiments.results.lineage import Edge, Lineage, lineage
from experiments.stats.paired import PairedMean
from experiments.text import decimal
from sandbox.errors import Mistake
from sandbox.events import BrokenLine

#: Edges that a report lists, those by most episodes first.
LISTED: Final = 30


@dataclass(frozen=True, slots=True)
class Descent:
    """The lineage, or the ``problem`` why there is none."""

    lineage: Lineage | None
    problem: str | None = None

    @property
    def edges(self) -> tuple[Edge, ...]:
        """The edges that are listed."""
        every = self.lineage.edges if self.lineage else ()
        return tuple(sorted(every, key=lambda edge: -len(edge.by))[:LISTED])


def descent(view: RunView) -> Descent:
    """The lineage of the run's scaffolds, read from its directory; empty where no attempt changed one."""
    if all(line.scaffold.start == line.scaffold.end for line in view.lines):
        return Descent(Lineage((), ()))
    try:
        return Descent(lineage(view.directory))
    except (BrokenLine, Mistake, OSError) as error:
        return Descent(None, str(error))


def gain_text(gain: PairedMean) -> str:
    """``+0.69 [+0.40, +0.98]``; without an interval the number alone; a dash where nothing was measured."""
    if gain.mean is None:
        return "–"
    said = decimal(gain.mean, 2, "+")
    if gain.low is None or gain.high is None:
        return said
    return f"{said} [{decimal(gain.low, 2, '+')}, {decimal(gain.high, 2, '+')}]"
