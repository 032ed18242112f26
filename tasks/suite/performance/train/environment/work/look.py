"""Tries every recipe on the public cases: python3 look.py. Good ones first, the quickest before others."""

import json
from pathlib import Path

import numpy as np
from check import loss
from use import filled

target = json.loads(Path("/task/target.json").read_text())
recipes = json.loads(Path("/task/recipes.json").read_text())
text = Path("/work/submission/train.py").read_text()
with np.load("/task/examples.npz", allow_pickle=False) as data:
    cases = [data[key] for key in ("x", "labels", "seed", "test_x", "test_labels")]


def worst(recipe):
    """The largest loss of a recipe."""
    space = {}
    exec(filled(text, recipe), space)
    return max(
        loss(space["train"](x, labels, seed), test_x, test_labels, target["layers"])
        for x, labels, seed, test_x, test_labels in zip(*cases, strict=True)
    )


found = [(worst(recipe) > target["target"], recipe["steps"], name) for name, recipe in recipes.items()]
for poor, _, name in sorted(found):
    print("poor" if poor else "good", name)
