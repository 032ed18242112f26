"""Cleans train.npz and replaces the submission: repeated rows are left out, and what is named."""

import argparse
from pathlib import Path

import numpy as np
from tidy import broken_rows, repeated_rows, unswapped

WORK = Path("/work")


def options():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--broken", metavar="COLUMN", help="leave out rows whose reading there is broken")
    parser.add_argument(
        "--swap", nargs=2, action="append", default=[], metavar="CLASS",
        help="give rows of the first class that bear the label of the second their own back",
    )  # fmt: skip
    return parser.parse_args()


def number(names, name):
    """The index of a name."""
    if name not in names:
        raise SystemExit(f"no {name}; there are {' '.join(names)}")
    return names.index(name)


def main():
    """Cleans, saves, and says how many audited rows have their true label now."""
    given = options()
    with np.load(WORK / "train.npz", allow_pickle=False) as data:
        columns, classes = list(data["columns"]), list(data["classes"])
        x, labels = data["x"], data["labels"]
    kept = ~repeated_rows(x)
    if given.broken:
        kept &= ~broken_rows(x, number(columns, given.broken))
    indices = np.flatnonzero(kept)
    found = labels[indices]
    for a, b in given.swap:
        found = unswapped(x[indices], found, number(classes, a), number(classes, b))
    np.save(WORK / "submission/indices.npy", indices.astype(np.int64))
    np.save(WORK / "submission/labels.npy", found.astype(np.int64))
    with np.load(WORK / "audit.npz", allow_pickle=False) as data:
        true = dict(zip(data["indices"], data["labels"], strict=True))
    right = [true[i] == label for i, label in zip(indices, found, strict=True) if i in true]
    print(f"cleaned right {np.mean(right):.2f}")


if __name__ == "__main__":
    main()
