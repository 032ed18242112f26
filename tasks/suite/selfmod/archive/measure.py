"""What an archive is worth: the best child's gain, how fast it was found, how well parents were chosen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt
from statistics import fmean, pvariance
from typing import Final

#: Weights of the three in y.
GAIN: Final = 0.6
AREA: Final = 0.2
SKILL: Final = 0.2


@dataclass(frozen=True)
class Measured:
    """A node as it is measured.

    ``known`` are the nodes that had a score when it was handed in; ``held`` says of each held-out question whether
    it is answered right, the same questions for every node; ``began`` is what all trials and scouts before its own
    trial cost, in trials.
    """

    number: int
    parent: int | None
    known: tuple[int, ...]
    development: int
    held: Sequence[bool]
    began: float

    @property
    def accuracy(self) -> float:
        """The share of held-out questions that it answers right."""
        return fmean(self.held)


@dataclass(frozen=True)
class Worth:
    """``gain``: held-out, 0 the root, 1 the best recipe; ``se`` its standard error, paired by question. ``area``:
    the mean over the granted trials of the gain of the best so far. ``skill``: of the parents' choice."""

    gain: float
    se: float
    area: float
    skill: float

    @property
    def y(self) -> float:
        """0.6 gain + 0.2 area + 0.2 skill."""
        return GAIN * self.gain + AREA * self.area + SKILL * self.skill


def worth(nodes: Sequence[Measured], best: int, optimum: float, trials: int) -> Worth:
    """What an archive is worth.

    Args:
        nodes: the root first, then the children in the order of their trials.
        best: number of the node that counts as the result.
        optimum: held-out accuracy of the best recipe, above the root's.
        trials: how many were granted. What was not used, or gave no score, counts as if the best so far had
            stayed.
    """
    root, chosen = nodes[0], next(node for node in nodes if node.number == best)
    span = optimum - root.accuracy
    paired = [int(after) - int(before) for after, before in zip(chosen.held, root.held, strict=True)]
    began = [*(node.began for node in nodes[1:]), trials]
    area, so_far = 0.0, root
    for node, (begin, end) in zip(nodes[1:], pairwise(began), strict=True):
        # As the archive shows it: by the development score, of equal ones the older.
        so_far = node if node.development > so_far.development else so_far
        area += (end - begin) * (so_far.accuracy - root.accuracy) / span
    se = sqrt(pvariance(paired) / len(paired)) / span
    return Worth((chosen.accuracy - root.accuracy) / span, se, area / trials, parent_skill(nodes))


def parent_skill(nodes: Sequence[Measured]) -> float:
    """How well the parents were chosen, by what came of them.

    The worth of a node as a parent is its clade's metaproductivity, estimated as Wang et al. do ("Huxley-Gödel
    Machine", 2025): the held-out accuracy pooled over the clade, that is over the node and all its descendants in
    the archive at the end. Of each choice between nodes that had a score, counts how far the chosen one lies above
    their mean, out of how far the best one does:

        skill = sum_i (C(chosen_i) - mean C(known_i)) / sum_i (max C(known_i) - mean C(known_i))

    0 for a choice at random, 1 for always the best; below 0 counts as 0, and so does an archive without a choice.
    """
    pooled = clades(nodes)
    above = room = 0.0
    for node in nodes:
        if node.parent is None or node.parent not in node.known:
            continue
        known = [pooled[number] for number in node.known if number in pooled]
        above += pooled[node.parent] - fmean(known)
        room += max(known) - fmean(known)
    return max(above / room, 0.0) if room > 0 else 0.0


def clades(nodes: Sequence[Measured]) -> Mapping[int, float]:
    """For each node the held-out accuracy pooled over it and its descendants."""
    members: dict[int, list[float]] = {node.number: [] for node in nodes}
    parents = {node.number: node.parent for node in nodes}
    for node in nodes:
        at: int | None = node.number
        while at is not None:
            members.setdefault(at, []).append(node.accuracy)
            at = parents.get(at)
    return {number: fmean(found) for number, found in members.items() if number in parents}
