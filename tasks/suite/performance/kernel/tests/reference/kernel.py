import numpy as np

RATE, SCALE = 0.922, 0.101


def cloud(rows):
    """Adds the rows up to each, from the last one on that begins above 1."""
    x = np.array(rows)
    sums = np.cumsum(x, axis=0)
    heads = np.where(x[:, 0] > 1, np.arange(len(x)), 0)
    before = np.concatenate([np.zeros((1, x.shape[1])), sums])
    return (sums - before[np.maximum.accumulate(heads)]).tolist()


def drift(rows):
    """flip: one column of each row."""
    for row in rows:
        row[2] = -row[2]
    return rows


def wave(rows):
    """floor: one column of each row."""
    for row in rows:
        row[2] = max(row[2], -2.0)
    return rows


def shift(rows):
    """fade: one column of each row."""
    for row in rows:
        row[3] *= RATE
    return rows


def kernel(x):
    """The rows of x, a float64 array of shape (n, d), after every loop: n lists of d numbers."""
    rows = x.tolist()
    for loop in (cloud, drift, wave, shift):
        rows = loop(rows)
    return rows
