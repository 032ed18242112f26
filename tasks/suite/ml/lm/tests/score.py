"""Prints the reward of /work/submission in the public world; beside it lies what draws languages with its lags."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import text

HERE = Path(__file__).parent
SIZES = text.Sizes(12, 2, 1.5, lines=100, length=200, contexts=1_000)
LAGS = (3, 6)
SECONDS = 3


def missed(program, language, random):
    """Nats above the entropy of a program's answers after contexts of a language it learns."""
    folder, (contexts, lines) = Path(tempfile.mkdtemp()), language.sample(random)
    np.save(folder / "text.npy", lines)
    np.save(folder / "contexts.npy", contexts)
    files = [folder / name for name in ("text.npy", "contexts.npy", "out.npy")]
    subprocess.run([sys.executable, program, *files], check=True, cwd=program.parent, timeout=10 * SECONDS)
    right = language.probabilities(contexts)
    found = np.load(files[-1]).reshape(right.shape)
    if np.any(found <= 0) or np.any(np.abs(found.sum(axis=1) - 1) > 1e-4):
        raise SystemExit("the probabilities are not positive, or do not add up to 1")
    return text.divergence(right, found)


def main():
    """The same language for the start, the reference and the submission."""
    seed, folder = np.random.default_rng().integers(2**31), Path(tempfile.mkdtemp())
    program = (HERE / "lm.txt").read_text().replace("SIZE", str(SIZES.alphabet))
    (folder / "start.py").write_text(program)
    (folder / "reference.py").write_text(program.replace("LAGS = []", f"LAGS = {list(LAGS)}"))
    values = []
    for place in (folder / "start.py", folder / "reference.py", Path("/work/submission/lm.py")):
        random = np.random.default_rng(seed)
        values.append(missed(place, text.draw(random, SIZES, LAGS), random))
    start, reference, mine = values
    return float(np.clip((start - mine) / (start - reference), 0, 2))


if __name__ == "__main__":
    print(json.dumps({"reward": main()}))
