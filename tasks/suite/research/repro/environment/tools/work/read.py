"""Tells for each part of the method which form of the library gives the worked example's result."""

import json

import numpy as np
from write import TASK, function

library = json.loads((TASK / "library.json").read_text())
with np.load(TASK / "examples.npz", allow_pickle=False) as data:
    examples = dict(data)


def agrees(part, code):
    """Whether a form gives the worked example's result."""
    prefix = f"{part}."
    case = {key[len(prefix) :]: value for key, value in examples.items() if key.startswith(prefix)}
    right = case.pop("right")
    found = np.ravel(function(part, tuple(case), code)(**case))
    return len(found) == len(right) and np.allclose(found, right, rtol=1e-6, atol=1e-9)


for part in dict.fromkeys(key.partition(".")[0] for key in examples):
    names = [name for name, form in library.items() if form["part"] == part and agrees(part, form["code"])]
    print(part, *names)
