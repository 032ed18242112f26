"""What look.py and clean.py know of bad rows. x: (n, columns); labels: (n,) class numbers."""

import numpy as np

#: Distance from the median, in median distances, beyond which a reading is broken.
FAR = 15.0


def repeated_rows(x):
    """Whether the same row occurs more than once, entries of it all counted: (n,)."""
    _, place, count = np.unique(x, axis=0, return_inverse=True, return_counts=True)
    return count[place.reshape(-1)] > 1


def distances(x):
    """Distance of each reading from its column's median, in median distances: (n, columns)."""
    away = np.abs(x - np.median(x, axis=0))
    return away / np.median(away, axis=0)


def spoilt_column(x):
    """The index of the column with the most extreme reading."""
    return int(distances(x).max(axis=0).argmax())


def broken_rows(x, column):
    """Whether a row's reading in ``column`` is far beyond the others: (n,)."""
    return distances(x)[:, column] > FAR


def centres(x, labels, classes):
    """The median row of each label: (classes, columns)."""
    return np.array([np.median(x[labels == label], axis=0) for label in range(classes)])


def unswapped(x, labels, a, b):
    """The labels, with those rows labelled ``b`` that lie with ``a`` labelled ``a``.

    Two means: one begins where the rows labelled ``a`` lie, all of them truly of ``a``.
    """
    mine, theirs = x[labels == a], x[labels == b]
    middle_a, middle_b = np.median(mine, axis=0), np.median(theirs, axis=0)
    for _ in range(20):
        with_a = ((theirs - middle_a) ** 2).sum(axis=1) < ((theirs - middle_b) ** 2).sum(axis=1)
        middle_a = np.concatenate([mine, theirs[with_a]]).mean(axis=0)
        middle_b = theirs[~with_a].mean(axis=0)
    found = labels.copy()
    found[np.flatnonzero(labels == b)[with_a]] = a
    return found
