"""Lays out the public development world of the Dockerfile: public.py DIRECTORY. Needs numpy only."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import rows

RECIPES = {
    "tide": rows.Recipe("plain", 10, 0.1, 200), "salt": rows.Recipe("adapt", 40, 0.05, 20),
    "crest": rows.Recipe("push", 40, 0.001, 40), "flow": rows.Recipe("adapt", 100, 0.0005, 15),
}  # fmt: skip


def main(directory):
    """Writes the training, the recipes and the public cases."""
    shape = rows.Shape(400, 8, 32, 3)
    drawn = rows.draw(np.random.default_rng(0), shape, 6)
    (directory / "work/submission").mkdir(parents=True, exist_ok=True)
    text = shape.program(rows.Recipe("plain", 1, 0.03, 1200))
    (directory / "work/submission/train.py").write_text(text)
    np.savez(
        directory / "task/examples.npz", **drawn.inputs, test_x=drawn.test_x, test_labels=drawn.test_labels
    )
    target = {"target": rows.TARGET, "layers": [shape.hidden, shape.classes]}
    (directory / "task/target.json").write_text(json.dumps(target))
    recipes = {name: asdict(recipe) for name, recipe in RECIPES.items()}
    (directory / "task/recipes.json").write_text(json.dumps(recipes, indent=1))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
