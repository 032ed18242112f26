"""Lays out the public development world of the Dockerfile: public.py DIRECTORY. Needs numpy only."""

import sys
from pathlib import Path

import loops
import numpy as np


def main(directory):
    """Writes the kernel, its public cases, and the forms."""
    random = np.random.default_rng(0)
    kernel = loops.draw(random, 200)
    cases = kernel.inputs(random, 6)
    (directory / "work/submission").mkdir(parents=True, exist_ok=True)
    (directory / "work/submission/kernel.py").write_text(kernel.start)
    forms = Path(loops.forms.__file__).read_text()
    (directory / "work/forms.py").write_text(forms)
    np.savez(directory / "task/examples.npz", **cases, right=kernel.expected(cases))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
