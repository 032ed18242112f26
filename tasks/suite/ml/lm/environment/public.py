"""Lays out the public development world of the Dockerfile: public.py DIRECTORY. Needs numpy only."""

import sys
from pathlib import Path

import numpy as np
import text

SIZES = text.Sizes(12, 2, 1.5, lines=100, length=200, contexts=1_000)
LAGS = (3, 6)


def main(directory):
    """Writes the model, a text of the public language and what is true of it."""
    random = np.random.default_rng(0)
    language = text.draw(random, SIZES, LAGS)
    contexts, lines = language.sample(random)
    (directory / "work/submission").mkdir(parents=True, exist_ok=True)
    program = Path(text.__file__).with_name("lm.txt").read_text().replace("SIZE", str(SIZES.alphabet))
    (directory / "work/submission/lm.py").write_text(program)
    np.save(directory / "work/text.npy", lines)
    np.savez(directory / "task/examples.npz", contexts=contexts, right=language.probabilities(contexts))
    (directory / "task/seconds.json").write_text("3.0")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
