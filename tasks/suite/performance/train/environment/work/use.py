"""Puts a recipe into the training: use.py NAME."""

import json
import re
import sys
from pathlib import Path

TRAIN = Path("/work/submission/train.py")


def filled(text, recipe):
    """The text of a training with a recipe."""
    rule, *numbers = recipe.values()
    line = f'RULE, BATCH, RATE, STEPS = "{rule}", {", ".join(map(str, numbers))}'
    return re.sub("^RULE, .*$", line, text, flags=re.MULTILINE)


def main(name):
    """Writes the training anew."""
    recipes = json.loads(Path("/task/recipes.json").read_text())
    if name not in recipes:
        raise SystemExit(f"no recipe {name}; there are {' '.join(recipes)}")
    TRAIN.write_text(filled(TRAIN.read_text(), recipes[name]))
    print("using", name)


if __name__ == "__main__":
    main(sys.argv[1])
