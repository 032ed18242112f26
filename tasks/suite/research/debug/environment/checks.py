"""What the parts of the repository are tried on, one by one. Needs numpy only."""

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

#: How far a result may lie from the expected one; of the start, which is drawn, only its spread counts.
TOLERANCE: Final = 1e-6
START_TOLERANCE: Final = 0.1
TWIN_SHARE: Final = 1e-9
CLASSES: Final = 5
COLUMNS: Final = 8
#: part -> the file that it stands in.
WHERE: Final[Mapping[str, str]] = {
    "scale": "data", "targets": "data", "soften": "data", "held_back": "data", "batch": "data",
    "start": "network", "slope": "network", "probabilities": "network",
    "gradient": "optimiser", "clip": "optimiser", "pace": "optimiser", "push": "optimiser",
    "shrink": "optimiser", "average": "optimiser", "loss": "evaluate", "best": "evaluate",
    "seeding": "data", "trained_on": "data", "checked": "evaluate",
}  # fmt: skip


def cases(random: np.random.Generator, first: int) -> dict[str, dict[str, Any]]:
    """The arguments of each part, by name. Labels count from ``first``."""
    rows = random.normal(size=(12, COLUMNS))
    wanted = np.eye(CLASSES)[random.permutation(np.repeat(np.arange(CLASSES), 3))[:12]]
    powers = random.gamma(2, size=(12, CLASSES))
    slopes = random.normal(size=(COLUMNS, 4))
    return {
        "scale": {
            "x": 3 * rows + 1, "mean": random.normal(size=COLUMNS), "spread": random.uniform(0.5, 2, COLUMNS),
        },
        "targets": {"labels": first + random.permutation(np.repeat(np.arange(CLASSES), 3))[:12]},
        "soften": {"wanted": wanted},
        "held_back": {"n": np.int64(random.integers(23, 60))},
        "batch": {"x": rows, "wanted": random.normal(size=(12, CLASSES)), "chosen": random.permutation(12)[:7]},
        "start": {"inputs": np.int64(random.integers(200, 400)), "outputs": np.int64(random.integers(30, 50))},
        "slope": {"hidden": random.uniform(0.05, 0.95, size=(12, 4)) * (random.random((12, 4)) < 0.7)},
        "probabilities": {"powers": powers},
        "gradient": {"inputs": rows, "error": random.normal(size=(12, CLASSES))},
        "clip": {"slopes": 8 * slopes},
        "pace": {"epoch": np.int64(random.integers(1, 9)), "step": np.int64(random.integers(9, 40))},
        "push": {"velocity": slopes, "slopes": random.normal(size=(COLUMNS, 4))},
        "shrink": {"weights": 50 * random.normal(size=(COLUMNS, 4)), "rate": random.uniform(0.1, 0.5)},
        "average": {"mean": slopes, "weights": random.normal(size=(COLUMNS, 4))},
        "loss": {"found": powers / powers.sum(axis=1, keepdims=True), "wanted": wanted},
        "best": {"losses": np.append(random.uniform(0.2, 1, size=7), 1.5)},
        "seeding": {"epoch": np.int64(random.integers(1, 9))},
        "trained_on": {"out": random.permutation(np.arange(20) < 6)},
        "checked": {"stored": slopes, "weights": random.normal(size=(COLUMNS, 4))},
    }  # fmt: skip


def measure(function: Callable[..., Any], part: str, case: Mapping[str, Any]) -> Floats:
    """What a part gives on its case, as one vector. Raises what the part raises."""
    given = {
        name: value.item() if np.ndim(value) == 0 else value.copy() for name, value in boxed(case).items()
    }
    if part == "start":
        weights = function(np.random.default_rng(1), **given)
        found = [np.std(weights) * np.sqrt(given["inputs"]), np.mean(weights), *np.shape(weights)]
    elif part == "batch":
        found = [value for array in function(**given) for value in np.ravel(array)]
    elif part == "slope":
        found = function(**given) * np.ones_like(given["hidden"])
    else:
        found = function(**given)
    return np.asarray(found, dtype=np.float64).ravel()


def twin(case: Mapping[str, Any]) -> dict[str, Any]:
    """A case whose fractions are a billionth larger: what is worked out stays nearly the same, what was looked
    up is not found."""
    return {
        name: value * (1 + TWIN_SHARE) if np.issubdtype(np.asarray(value).dtype, np.floating) else value
        for name, value in case.items()
    }


def boxed(case: Mapping[str, Any]) -> dict[str, npt.NDArray[Any]]:
    """A case whose numbers are arrays too, as they come out of a file."""
    return {name: np.asarray(value) for name, value in case.items()}


def same(part: str, found: Floats, expected: Floats) -> bool:
    """Whether a part's result is the expected one."""
    tolerance = START_TOLERANCE if part == "start" else TOLERANCE
    return found.shape == expected.shape and bool(np.all(np.abs(found - expected) <= tolerance))


def joined(texts: Mapping[str, str]) -> ModuleType:
    """A repository of ours as one module. Never for text that has been in a box."""
    lines = [line for text in texts.values() for line in text.splitlines()]
    kept = [line for line in lines if not line.startswith("from ")]
    module = ModuleType("repository")
    exec(compile("\n".join(kept), "repository", "exec"), module.__dict__)
    return module
