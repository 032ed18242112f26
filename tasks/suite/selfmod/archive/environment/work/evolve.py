"""The outer loop. As it comes, it tries each other style on node 0: which parent and which change is yours to say."""

import json
from pathlib import Path

from archive import choose


def parent(nodes):
    """The node that the next child is made of."""
    return 0


def changes(recipe, genes):
    """The choices that are tried."""
    return [{"style": value} for value in genes["style"] if value != recipe["style"]]


def main():
    """Prints what was tried, worst first, and the best."""
    genes = json.loads(Path("/task/dev.json").read_text())["genes"]
    recipe = json.loads(Path("/work/root/recipe.json").read_text())
    nodes = []
    for change in changes(recipe, genes):
        node = choose(parent(nodes), change)
        nodes.append((node["score"] or 0.0, node["child"], *change.values()))
    for score, child, *values in sorted(nodes):
        print(f"node {child} {score:.2f}", *values)
    print("best", max(nodes)[1])


if __name__ == "__main__":
    main()
