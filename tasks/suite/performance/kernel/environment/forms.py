"""Loops over rows, by form, done by numpy. Each takes and gives a list of rows, n x d."""

import numpy as np

#: Set by the kernel that a form stands in: the rate of decay, the scale of products.
RATE, SCALE = 0.5, 0.1


def attend(rows):
    """Mixes the rows up to each, weighted by the exponential of SCALE times their product."""
    x = np.array(rows)
    weights = np.tril(np.exp(SCALE * (x @ x.T)))
    return (weights @ x / weights.sum(axis=1, keepdims=True)).tolist()


def decay(rows):
    """Adds the rows up to each, weighted by RATE to the power of their distance."""
    x = np.array(rows)
    place = np.arange(len(x))
    weights = RATE ** np.arange(len(x))
    return (np.tril(weights[np.abs(place[:, None] - place)]) @ x).tolist()


def nearest(rows):
    """Divides each row by 1 plus the squared distance to the nearest other one."""
    x = np.array(rows)
    square = (x**2).sum(axis=1)
    distance = square[:, None] + square - 2 * (x @ x.T)
    np.fill_diagonal(distance, np.inf)
    return (x / (1 + np.maximum(distance.min(axis=1), 0)[:, None])).tolist()


def rank(rows):
    """Puts in place of each entry the share of its column that is smaller."""
    x = np.array(rows)
    columns = [np.searchsorted(np.sort(column), column) for column in x.T]
    return (np.stack(columns, axis=1) / len(x)).tolist()


def spread(rows):
    """Adds all rows, each divided by 1 plus its distance."""
    x = np.array(rows)
    place = np.arange(len(x))
    weights = 1 / (1 + np.arange(len(x)))
    return (weights[np.abs(place[:, None] - place)] @ x).tolist()


def segment(rows):
    """Adds the rows up to each, from the last one on that begins above 1."""
    x = np.array(rows)
    sums = np.cumsum(x, axis=0)
    heads = np.where(x[:, 0] > 1, np.arange(len(x)), 0)
    before = np.concatenate([np.zeros((1, x.shape[1])), sums])
    return (sums - before[np.maximum.accumulate(heads)]).tolist()
