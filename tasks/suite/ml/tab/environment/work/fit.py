"""Trains a model on train.npz with scikit-learn and puts it into /work/submission."""

import argparse
import os
from pathlib import Path

# The grant is one processor: more threads would only wait for each other. Read on import.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from submission.predict import features

WORK = Path("/work")


def options():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--codes", nargs="*", default=[], metavar="COLUMN", help="columns that are codes")
    parser.add_argument("--cross", nargs=2, action="append", default=[], metavar="COLUMN", help="a pair")
    parser.add_argument("--learner", choices=["ridge", "trees"], default="ridge")
    return parser.parse_args()


def load(name):
    """Names, x and y of a data file."""
    with np.load(WORK / name, allow_pickle=False) as data:
        return list(data["names"]), data["x"], data["y"]


def column(names, name):
    """The index of a column."""
    if name not in names:
        raise SystemExit(f"no column {name}; the columns are {' '.join(names)}")
    return names.index(name)


def train(learner, inputs, y):
    """A fitted estimator and what model.npz must hold of it."""
    if learner == "ridge":
        from sklearn.linear_model import Ridge

        model = Ridge(alpha=1.0).fit(inputs, y)
        return model, {"coefficients": model.coef_, "intercept": model.intercept_}
    import joblib
    from sklearn.ensemble import HistGradientBoostingRegressor

    model = HistGradientBoostingRegressor(random_state=0).fit(inputs, y)
    joblib.dump(model, WORK / "submission/model.joblib")
    return model, {}


def main():
    """Trains, saves, and says how well it does on dev.npz."""
    given = options()
    names, x, y = load("train.npz")
    codes = np.array([column(names, name) for name in given.codes], dtype=int)
    crosses = np.array([[column(names, name) for name in pair] for pair in given.cross], dtype=int)
    crosses = crosses.reshape(-1, 2)
    model, extra = train(given.learner, features(x, codes, crosses), y)
    np.savez(WORK / "submission/model.npz", codes=codes, crosses=crosses, **extra)
    _, x, y = load("dev.npz")
    error = np.sqrt(np.mean((model.predict(features(x, codes, crosses)) - y) ** 2))
    print(f"trained {given.learner} error {error:.2f}")


if __name__ == "__main__":
    main()
