"""Tries every recipe on the public cases: python3 look.py. Good ones first, the quickest before others."""

import json

import numpy as np
from check import loss
from use import program

with np.load("/task/examples.npz", allow_pickle=False) as data:
    examples = dict(data)
with open("/task/target.json") as file:
    target = json.load(file)["target"]
with open("/task/recipes.json") as file:
    recipes = json.load(file)


def worst(name):
    """The largest loss of a recipe."""
    space = {}
    exec(program(name), space)
    cases = zip(*(examples[key] for key in ("x", "labels", "seed", "test_x", "test_labels")), strict=True)
    return max(loss(space["train"](x, y, seed), test_x, test_y) for x, y, seed, test_x, test_y in cases)


found = [(worst(name) > target, recipe["steps"], name) for name, recipe in recipes.items()]
for poor, _, name in sorted(found):
    print("poor" if poor else "good", name)
