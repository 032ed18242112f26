"""Draws a trained network, damages layers of it, and records what its layers did while it was intact.

A layer's totals are z = W h + b, kept as one matrix [W b]. Damage (``damage.py``) is linear on the totals:
where they were z they become Tz, because the layer's matrix is multiplied by T; but for a quantised layer,
which lost what its codes stand for. Needs numpy only. Run as a program it lays out the public development world of the Dockerfile: ``python3 networks.py DIRECTORY``.
"""

import io
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

if __package__:
    from tasks.suite.research.fixweights.environment import network as shared
    from tasks.suite.research.fixweights.environment.damage import QUANTISED, damage, quantised
    from tasks.suite.research.fixweights.environment.network import record, totals
else:
    import network as shared  # type: ignore[import-not-found, no-redef]
    from damage import QUANTISED, damage, quantised  # type: ignore[import-not-found, no-redef]
    from network import record, totals  # type: ignore[import-not-found, no-redef]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

#: Names of layers; a closed vocabulary of plain words.
WORDS: Final = (
    "heat", "flow", "mass", "tilt", "site", "lane", "wind", "salt", "depth", "load", "speed", "force",
    "light", "noise", "width", "angle", "grain", "charge", "wave", "pulse", "ridge", "crest",
    "drift", "sand", "clay", "stone", "frost", "cloud", "rain", "tide", "current", "port", "shift",
    "line", "plant", "crew", "gain",
)  # fmt: skip
CLASSES: Final = 6
COLUMNS: Final = 12
#: Normal clusters of each class, so that no single layer could tell the classes apart.
CLUSTERS: Final = 3
#: Standard deviation of the cluster means; that of the rows around them is 1.
MEANS: Final = 1.6
#: Training: rows, steps, rows a step, and Adam's rate, which halves after each quarter.
TRAINING_ROWS: Final = 8_000
STEPS: Final = 500
BATCH: Final = 100
RATE: Final = 8e-3
#: A damaged network has at least so large an error.
LEAST_ERROR: Final = 0.5


@dataclass(frozen=True, slots=True)
class Plan:
    """What a level's worlds are like.

    How hard the damage is to notice: ``recorded`` rows of their own that the statistics were taken on
    (0: the very rows that the agent is given, so that what is intact agrees exactly) and ``layers``, how
    many of the hidden ones are damaged. How hard it is to take back: ``kinds``, of which each damaged
    layer gets ``mixed`` at once, dealt round in a drawn order, and the hidden layers' ``widths``.
    """

    widths: tuple[int, ...]
    kinds: tuple[str, ...]
    mixed: int
    layers: int
    recorded: int
    given: int = 2_000
    heldout: int = 4_000


#: level -> what its worlds are like.
LEVELS: Final[Mapping[str, Plan]] = {
    "L0": Plan((16, 16), ("permuted", "flipped", "scaled"), mixed=1, layers=1, recorded=0),
    "L1": Plan((20, 20), ("permuted", "flipped", "scaled"), mixed=2, layers=1, recorded=0),
    "L2": Plan((24, 24, 24), ("permuted", "flipped", "scaled"), mixed=3, layers=2, recorded=12_000, given=8_000),
    "L3": Plan((24, 24, 24), ("rotated", QUANTISED), mixed=1, layers=2, recorded=0),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rows:
    """``x`` of shape (n, 12) and ``labels`` of shape (n,)."""

    x: Floats
    labels: Integers


@dataclass(frozen=True, slots=True)
class Drawn:
    """A drawn world. A network is its layers' matrices (units, inputs + 1) by name, in order."""

    damaged: Mapping[str, Floats]
    #: What the damaged layers were.
    before: Mapping[str, Floats]
    #: Damaged layer -> what was done to it, first to last.
    kinds: Mapping[str, tuple[str, ...]]
    given: Floats
    #: ``NAME.mean`` and ``NAME.covariance`` of each layer's totals.
    recorded: Mapping[str, Floats]
    heldout: Rows
    #: Error of the best possible classifier on the held-out rows.
    bayes: float

    @property
    def intact(self) -> dict[str, Floats]:
        """The network before the damage."""
        return {**self.damaged, **self.before}


def error(network: Mapping[str, Floats], rows: Rows) -> float:
    """Share of rows whose largest total of the last layer is not at their label."""
    with np.errstate(all="ignore"):
        return float(np.mean(totals(network, rows.x)[-1].argmax(axis=1) != rows.labels))


def draw(seed: int, plan: Plan) -> Drawn:
    """The world of a seed; damage is drawn until its harm is felt."""
    random = np.random.default_rng(seed)
    means = random.normal(scale=MEANS, size=(CLASSES * CLUSTERS, COLUMNS))
    names = [WORDS[i] for i in random.permutation(len(WORDS))[: len(plan.widths) + 1]]
    intact = dict(zip(names, _train(random, _sample(random, means, TRAINING_ROWS), plan.widths), strict=True))
    if QUANTISED in plan.kinds:
        intact = {name: quantised(matrix) for name, matrix in intact.items()}
    given = _sample(random, means, plan.given).x
    over = _sample(random, means, plan.recorded).x if plan.recorded else given
    heldout = _sample(random, means, plan.heldout)
    while True:
        damaged, kinds = _damaged(random, intact, plan)
        if error(damaged, heldout) >= LEAST_ERROR:
            break
    before = {name: intact[name] for name in kinds}
    return Drawn(damaged, before, kinds, given, record(intact, over), heldout, _bayes(means, heldout))


def _damaged(
    random: np.random.Generator, intact: Mapping[str, Floats], plan: Plan
) -> tuple[dict[str, Floats], dict[str, tuple[str, ...]]]:
    hidden = list(intact)[:-1]
    chosen = sorted(random.permutation(len(hidden))[: plan.layers])
    order = random.permutation(len(plan.kinds))
    damaged, kinds = dict(intact), {}
    for place, name in enumerate(hidden[int(i)] for i in chosen):
        kinds[name] = tuple(plan.kinds[i] for i in np.roll(order, -place)[: plan.mixed])
        for kind in kinds[name]:
            damaged[name] = damage(random, kind, damaged[name])
    return damaged, kinds


def _sample(random: np.random.Generator, means: Floats, n: int) -> Rows:
    cluster = random.integers(len(means), size=n)
    return Rows(means[cluster] + random.normal(size=(n, COLUMNS)), cluster % CLASSES)


def _bayes(means: Floats, rows: Rows) -> float:
    """Error of the class of largest posterior of the mixture that the rows come from."""
    near = np.exp(-0.5 * ((rows.x[:, None, :] - means) ** 2).sum(axis=2))
    classes = near.reshape(len(near), CLUSTERS, CLASSES).sum(axis=1)
    return float(np.mean(classes.argmax(axis=1) != rows.labels))


def _train(random: np.random.Generator, rows: Rows, widths: Sequence[int]) -> list[Floats]:
    """Matrices of a network trained on the rows: cross-entropy, Adam (Kingma and Ba, 2015)."""
    sizes = [COLUMNS, *widths, CLASSES]
    matrices = [
        np.column_stack([random.normal(scale=(2 / a) ** 0.5, size=(b, a)), np.zeros(b)])
        for a, b in pairwise(sizes)
    ]
    first, second = ([np.zeros_like(m) for m in matrices] for _ in range(2))
    wanted = np.eye(CLASSES)[rows.labels]
    for step in range(STEPS):
        chosen = random.integers(len(rows.x), size=BATCH)
        rate = RATE * 0.5 ** (step // (STEPS // 4))
        for k, slope in enumerate(_slopes(matrices, rows.x[chosen], wanted[chosen])):
            first[k] += 0.1 * (slope - first[k])
            second[k] += 0.01 * (slope**2 - second[k])
            mended = np.sqrt(second[k] / (1 - 0.99 ** (step + 1))) + 1e-8
            matrices[k] -= rate * first[k] / (1 - 0.9 ** (step + 1)) / mended
    return matrices


def _slopes(matrices: Sequence[Floats], x: Floats, wanted: Floats) -> list[Floats]:
    """Gradients of the mean cross-entropy by the matrices."""
    found = totals({str(k): matrix for k, matrix in enumerate(matrices)}, x)
    powers = np.exp(found[-1] - found[-1].max(axis=1, keepdims=True))
    back = (powers / powers.sum(axis=1, keepdims=True) - wanted) / len(x)
    slopes = []
    for k in range(len(matrices) - 1, -1, -1):
        h = np.maximum(found[k - 1], 0) if k else x
        slopes.append(np.column_stack([back.T @ h, back.sum(axis=0)]))
        if k:
            back = back @ matrices[k][:, :-1] * (found[k - 1] > 0)
    return slopes[::-1]


def files(drawn: Drawn) -> dict[str, bytes]:
    """What a world lays out under / besides the tools."""
    return {
        "task/layers.txt": "".join(f"{name}\n" for name in drawn.damaged).encode(),
        "task/recorded.npz": npz(**drawn.recorded),
        "work/network.py": Path(shared.__file__).read_bytes(),
        "work/inputs.npy": npy(drawn.given),
        **{f"work/model/{name}.npy": npy(matrix) for name, matrix in drawn.damaged.items()},
    }


def npy(array: npt.NDArray[Any]) -> bytes:
    """The bytes of an npy file."""
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def npz(**arrays: Any) -> bytes:
    """The bytes of an npz file; the same arrays give the same bytes."""
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def lay_out_public(directory: Path) -> None:
    """Writes the public development world under ``directory``, which stands for /."""
    for path, content in files(draw(0, LEVELS["L0"])).items():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_bytes(content)


if __name__ == "__main__":
    lay_out_public(Path(sys.argv[1]))
