"""What may be done to a layer's matrix [W b] of shape (units, inputs + 1). Needs numpy only."""

from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

#: Kind of damage that leaves the codes of a quantised layer and loses what they stand for.
QUANTISED: Final = "quantised"
#: Codes of a quantised layer: 0 to 31.
CODES: Final = 32


def damage(random: np.random.Generator, kind: str, matrix: Floats) -> Floats:
    """The matrix after one kind of damage; for ``quantised`` it must be one that ``quantised`` gave."""
    return codes(matrix)[0] if kind == QUANTISED else change(random, kind, len(matrix)) @ matrix


def change(random: np.random.Generator, kind: str, units: int) -> Floats:
    """The matrix T, (units, units), by which one kind of damage multiplies a layer's."""
    match kind:
        case "permuted":
            return np.eye(units)[random.permutation(units)]
        case "flipped":
            return np.diag(np.where(random.permutation(units) < units // 2, -1.0, 1.0))
        case "scaled":
            return np.diag(np.exp(random.uniform(-2.5, 2.5, size=units)))
        case "rotated":
            q, r = np.linalg.qr(random.normal(size=(units, units)))
            return q * np.sign(np.diag(r))
    raise ValueError(f"no kind {kind}")


def codes(matrix: Floats) -> tuple[Floats, Floats, Floats]:
    """Codes, steps and zeros of a quantised matrix: a unit's weights are its step times (code - zero).

    Affine quantisation by unit (Jacob et al., 2018, equation 1): the codes span from least to largest weight.
    """
    least = matrix.min(axis=1, keepdims=True)
    step = (matrix.max(axis=1, keepdims=True) - least) / (CODES - 1)
    zero = np.rint(-least / step)
    return np.clip(np.rint(matrix / step) + zero, 0, CODES - 1), step, zero


def quantised(matrix: Floats) -> Floats:
    """The matrix as its codes stand for it."""
    code, step, zero = codes(matrix)
    return step * (code - zero)
