"""Runs a network, and measures what its layers do. A layer is one matrix [W b], of shape (units, inputs + 1)."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def load(model: Path, layers: Path) -> dict[str, Floats]:
    """The matrices in the directory ``model``, by layer, in the order of the file ``layers``."""
    return {name: np.load(model / f"{name}.npy", allow_pickle=False) for name in layers.read_text().split()}


def totals(network: Mapping[str, Floats], x: Floats) -> list[Floats]:
    """Each layer's totals over rows ``x``; all layers but the last pass on their positive part."""
    found: list[Floats] = []
    for matrix in network.values():
        h = np.maximum(found[-1], 0) if found else x
        found.append(h @ matrix[:, :-1].T + matrix[:, -1])
    return found


def record(network: Mapping[str, Floats], x: Floats) -> dict[str, Floats]:
    """Mean and covariance of each layer's totals over rows ``x``."""
    found: dict[str, Floats] = {}
    for name, z in zip(network, totals(network, x), strict=True):
        found |= {f"{name}.mean": z.mean(axis=0), f"{name}.covariance": np.cov(z.T, bias=True)}
    return found
