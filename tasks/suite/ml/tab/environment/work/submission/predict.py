"""Predicts the target: python3 predict.py IN.npy OUT.npy."""

import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent


def features(x, codes, crosses):
    """The columns, the products of the `crosses`, and an indicator for each value of the `codes`.

    x: (n, 22). codes, crosses: column indices, (k,) and (m, 2). Code values are 0 to 5.
    """
    plain = np.delete(x, codes, axis=1)
    products = [x[:, a] * x[:, b] for a, b in crosses]
    indicators = [x[:, code] == value for code in codes for value in range(6)]
    return np.column_stack([plain, *products, *indicators]).astype(np.float64)


def main(source, target):
    """Reads rows, writes predictions."""
    x = np.load(source, allow_pickle=False)
    with np.load(HERE / "model.npz", allow_pickle=False) as model:
        inputs = features(x, model["codes"], model["crosses"])
        if "coefficients" in model:
            y = inputs @ model["coefficients"] + model["intercept"]
        else:
            import joblib

            y = joblib.load(HERE / "model.joblib").predict(inputs)
    np.save(target, y)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
