"""Draws rows of six classes and spoils them: swapped labels, a broken column, repeated entries.

Needs numpy only. Run as a program it lays out the public development world of the Dockerfile:
``python3 rows.py DIRECTORY``.
"""

import io
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

#: Names of columns and classes; a closed vocabulary of plain words.
WORDS: Final = (
    "heat", "flow", "mass", "tilt", "site", "lane", "wind", "salt", "depth", "load", "speed", "force",
    "light", "noise", "width", "angle", "grain", "charge", "wave", "pulse", "ridge", "slope", "crest",
    "drift", "sand", "clay", "stone", "frost", "cloud", "rain", "tide", "current", "port", "shift",
    "batch", "line", "plant", "crew", "rate", "gain",
)  # fmt: skip
COLUMNS: Final = 12
CLASSES: Final = 6
#: Standard deviation of the class means in a column; the rows' own is 1.
SEPARATION: Final = 0.95
#: The broken column is worth more than the others, so that losing it is felt.
BROKEN_SEPARATION: Final = 2.0
#: Share of a swapped class's rows that bear the other label. Above one half: a learner follows it.
SWAPPED: Final = 0.65
#: Share of all rows whose broken column reads so many times too much.
BROKEN: Final = 0.04
BROKEN_FACTOR: Final = 60.0
#: Share of a class's rows that were entered again, so many times, under another label.
REPEATED: Final = 0.25
ENTRIES: Final = 6


@dataclass(frozen=True, slots=True)
class Rows:
    """``x`` of shape (n, 12) and the true ``labels`` of shape (n,), class numbers."""

    x: Floats
    labels: Integers


@dataclass(frozen=True, slots=True)
class Drawn:
    """A drawn world: what is shown, what is true, and how it was spoilt."""

    columns: tuple[str, ...]
    classes: tuple[str, ...]
    #: (a, b): rows of class a bear the label b.
    swaps: tuple[tuple[int, int], ...]
    broken: int
    #: Training rows as they are shown, with their true labels, the labels shown, and whether a row
    #: is whole: neither broken nor one of several entries.
    train: Rows
    given: Integers
    whole: npt.NDArray[np.bool_]
    #: Indices of training rows whose true labels are public.
    audited: Integers
    heldout: Rows
    #: Expected accuracy of the classifier that knows the class means: no one can do better.
    bayes: float


def draw(seed: int, rows: tuple[int, int, int]) -> Drawn:
    """The world of a seed, with so many different training rows, audited rows and held-out rows."""
    random = np.random.default_rng(seed)
    words = random.permutation(len(WORDS))
    order = [int(i) for i in random.permutation(CLASSES)]
    swaps, (again, other) = ((order[0], order[1]), (order[2], order[3])), order[4:]
    broken = int(random.integers(COLUMNS))
    means = random.normal(scale=SEPARATION, size=(CLASSES, COLUMNS))
    means[:, broken] = BROKEN_SEPARATION * random.permutation(np.linspace(-1, 1, CLASSES))
    n_train, n_audited, n_heldout = rows
    clean, heldout = sample(random, means, n_train), sample(random, means, n_heldout)
    given = clean.labels.copy()
    for a, b in swaps:
        given[(clean.labels == a) & (random.random(n_train) < SWAPPED)] = b
    x, is_broken = clean.x.copy(), random.random(n_train) < BROKEN
    x[is_broken, broken] *= BROKEN_FACTOR
    source = np.flatnonzero((clean.labels == again) & ~is_broken & (random.random(n_train) < REPEATED))
    place = np.concatenate([np.arange(n_train), np.repeat(source, ENTRIES)])
    given = np.concatenate([given, np.full(len(source) * ENTRIES, other)])
    is_whole = ~is_broken & ~np.isin(np.arange(n_train), source)
    mixed = random.permutation(len(place))
    place = place[mixed]
    return Drawn(
        columns=tuple(WORDS[i] for i in words[:COLUMNS]),
        classes=tuple(WORDS[i] for i in words[COLUMNS : COLUMNS + CLASSES]),
        swaps=swaps, broken=broken, train=Rows(x[place], clean.labels[place]), given=given[mixed],
        whole=is_whole[place], audited=np.sort(random.permutation(len(place))[:n_audited]),
        heldout=heldout, bayes=bayes(means),
    )  # fmt: skip


def sample(random: np.random.Generator, means: Floats, n: int) -> Rows:
    """``n`` rows of equally frequent classes, whose columns have variance 1 about the class's means."""
    labels = random.integers(CLASSES, size=n)
    return Rows(means[labels] + random.normal(size=(n, COLUMNS)), labels)


def bayes(means: Floats) -> float:
    """Accuracy of the nearest mean, the best classifier of equally frequent classes of one spherical
    normal form, over so many rows of its own that its error is below that of any held-out sample."""
    rows = sample(np.random.default_rng(0), means, 40_000)
    scores = rows.x @ means.T - (means**2).sum(axis=1) / 2
    return float(np.mean(scores.argmax(axis=1) == rows.labels))


def train_file(drawn: Drawn) -> bytes:
    """An npz with the names, ``x`` and the ``labels`` as given."""
    return npz(
        columns=np.array(drawn.columns), classes=np.array(drawn.classes), x=drawn.train.x, labels=drawn.given
    )


def audit_file(drawn: Drawn) -> bytes:
    """An npz with the audited rows' ``indices`` and true ``labels``."""
    return npz(indices=drawn.audited, labels=drawn.train.labels[drawn.audited])


def start_files(drawn: Drawn) -> dict[str, bytes]:
    """The submission that lies there at the start: every row as given."""
    return {"indices.npy": npy(np.arange(len(drawn.given))), "labels.npy": npy(drawn.given)}


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
    """Writes the public development world under ``directory``."""
    drawn = draw(0, (900, 150, 500))
    (directory / "train.npz").write_bytes(train_file(drawn))
    (directory / "audit.npz").write_bytes(audit_file(drawn))
    (directory / "submission").mkdir(exist_ok=True)
    for name, content in start_files(drawn).items():
        (directory / "submission" / name).write_bytes(content)


if __name__ == "__main__":
    lay_out_public(Path(sys.argv[1]))
