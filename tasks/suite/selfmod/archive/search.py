"""The reference: a search of the recipes that clears the noise first, then tries what belongs together.

It runs on the solvers themselves and knows no more of them than the archive tells of a child: its development
score. What it reaches in a world, by the same measure as an agent's archive, is that world's reference.
"""

from collections.abc import Sequence
from itertools import product
from typing import Final

from tasks.suite.selfmod.archive.landscape import Recipe, RecipeSolver
from tasks.suite.selfmod.archive.measure import Measured

#: The choice of how many samples vote, beside the genes.
VOTES: Final = "votes"
ROOT_VOTES: Final = 1
BEST_VOTES: Final = 15


def search(
    development: RecipeSolver, heldout: RecipeSolver, phases: Sequence[Sequence[str]]
) -> tuple[list[Measured], int]:
    """The nodes of the reference's archive, and the number of its best.

    In each phase every other combination of the phase's genes is tried in a child of the best so far.
    """
    recipes: list[tuple[Recipe, int]] = [(development.landscape.root, ROOT_VOTES)]
    nodes = [_measured(0, None, recipes, development, heldout)]
    best = 0
    for phase in phases:
        parent = best
        for recipe, votes in _variants(*recipes[parent], phase, development):
            recipes.append((recipe, votes))
            node = _measured(len(nodes), parent, recipes, development, heldout)
            nodes.append(node)
            best = node.number if node.development > nodes[best].development else best
    return nodes, best


def _variants(
    recipe: Recipe, votes: int, phase: Sequence[str], solver: RecipeSolver
) -> list[tuple[Recipe, int]]:
    """Every recipe that differs from ``recipe`` in each gene of the phase."""
    if VOTES in phase:
        return [(recipe, BEST_VOTES)]
    values = [[value for value in solver.landscape.worth[gene] if value != recipe[gene]] for gene in phase]
    return [({**recipe, **dict(zip(phase, chosen, strict=True))}, votes) for chosen in product(*values)]


def _measured(
    number: int,
    parent: int | None,
    recipes: Sequence[tuple[Recipe, int]],
    development: RecipeSolver,
    heldout: RecipeSolver,
) -> Measured:
    recipe, votes = recipes[number]
    right = sum(development.right(recipe, votes))
    held = heldout.right(recipe, votes)
    return Measured(number, parent, tuple(range(number)), right, held, began=max(number - 1, 0))
