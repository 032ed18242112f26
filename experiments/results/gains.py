"""What a version of a scaffold gained over the one it was made of: where it was graded itself, and wherever else
episodes began with the one and with the other."""

import math
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from experiments.results.authored import Authored
from experiments.results.compare import LARGEST_SCORE
from experiments.stats.paired import PairedMean, paired_mean

#: What an episode begun with a version does differently: fields of its usage.
BEHAVIOUR: Final = (
    "turns",
    "commands",
    "tokens_in",
    "tokens_out",
    "cpu_s",
    "processes_peak",
    "bytes_written",
)

#: World, checkpoint and arm: what two episodes have in common that are compared.
_Place = tuple[tuple[str, str, str], str, str]
#: Version → place → the episodes that began with it there.
Begun = Mapping[str, Mapping[_Place, Sequence[Authored]]]


def begun(made: Iterable[Authored]) -> Begun:
    """Episodes by the version that they began with."""
    found: dict[str, dict[_Place, list[Authored]]] = {}
    for one in made:
        if one.parent:
            place = one.world, one.checkpoint, one.line.arm
            found.setdefault(one.parent, {}).setdefault(place, []).append(one)
    return found


def paired(gains: Iterable[tuple[Hashable, float | None]], cause: str, bound: float = math.inf) -> PairedMean:
    """The mean gain over worlds, of pairs of a world and a gain; a world's episodes belong together.

    ``cause``: why there is none where no gain is known. ``bound``: no gain can be larger.
    """
    by_world: dict[Hashable, list[float]] = {}
    for world, gain in gains:
        if gain is not None:
            by_world.setdefault(world, []).append(gain)
    if not by_world:
        return PairedMean(None, None, None, None, 0, 0, cause=f"not measured: {cause}")
    return paired_mean(by_world, bound=bound)


def transfer(parent: str, child: str, begun: Begun, home: frozenset[str]) -> PairedMean:
    """Strict scores of episodes begun with ``child`` less those begun with ``parent``, in the same world and of the
    same checkpoint, at tasks of other families than ``home``, where the edit was made."""

    def away(one: Authored) -> float | None:
        return None if one.line.task_family in home or one.line.score is None else one.line.score.strict

    cause = "no episodes began with both at a task of another family"
    return _compared(parent, child, begun, away, cause, LARGEST_SCORE)


def behaviour(parent: str, child: str, begun: Begun) -> dict[str, PairedMean]:
    """The same of what episodes used, by field, at all tasks; and of how many were refused by the model."""
    ways: dict[str, Callable[[Authored], float | None]] = {name: partial(_used, name) for name in BEHAVIOUR}
    ways["refused"] = lambda one: float(one.line.refused)
    cause = "no episodes began with both"
    return {name: _compared(parent, child, begun, way, cause) for name, way in ways.items()}


def _used(field: str, one: Authored) -> float | None:
    value: float | None = getattr(one.usage, field)
    return value


def _compared(
    parent: str,
    child: str,
    begun: Begun,
    value: Callable[[Authored], float | None],
    cause: str,
    bound: float = math.inf,
) -> PairedMean:
    before, after = begun.get(parent, {}), begun.get(child, {})
    places = [place for place in before if place in after]
    gains = ((place[0], _less(_mean(after[place], value), _mean(before[place], value))) for place in places)
    return paired(gains, cause, bound)


def _mean(episodes: Sequence[Authored], value: Callable[[Authored], float | None]) -> float | None:
    known = [number for one in episodes if (number := value(one)) is not None]
    return sum(known) / len(known) if known else None


def overfit(one: Authored) -> float | None:
    """An episode's development gain less its held-out one."""
    return _less(one.gain.dev, one.gain.held)


def _less(first: float | None, second: float | None) -> float | None:
    return None if first is None or second is None else first - second


def rates(gain: PairedMean, edits: int, cost: Mapping[str, float | None]) -> dict[str, float | None]:
    """The mean held-out gain per edit, per 1,000 tokens and per hour of what it cost; None: not known."""
    tokens, wall = (cost["tokens_in"], cost["tokens_out"]), cost["wall_s"]
    spent = None if None in tokens else sum(token for token in tokens if token is not None) / 1000
    units = {"edit": edits, "1k_tokens": spent, "hour": None if wall is None else wall / 3600}
    return {
        f"per_{unit}": gain.mean / amount if gain.mean is not None and amount else None
        for unit, amount in units.items()
    }


def gain_json(gain: PairedMean) -> dict[str, Any]:
    """A gain as plain values; ``cause`` says why numbers are missing."""
    return {
        "mean": gain.mean, "low": gain.low, "high": gain.high, "n": gain.n, "worlds": gain.clusters,
        "cause": gain.cause,
    }  # fmt: skip
