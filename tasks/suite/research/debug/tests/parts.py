"""The parts of the trainer that are tested one by one. Needs numpy only."""

from collections.abc import Mapping
from types import ModuleType
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

#: part -> how far each of its results may lie from the expected one. The start is drawn, so only
#: its spread is compared.
PARTS: Final[Mapping[str, float]] = {
    "scale": 1e-6, "targets": 1e-6, "start": 0.1, "batch": 1e-6,
    "slope": 1e-6, "gradient": 1e-6, "pace": 1e-6, "push": 1e-6,
}  # fmt: skip


def cases(random: np.random.Generator, classes: int, first: int, columns: int) -> dict[str, Any]:
    """Inputs by name: what a part is called with. Labels count from ``first``."""
    rows = random.normal(size=(12, columns))
    return {
        "x": 3 * rows + 1,
        "mean": random.normal(size=columns),
        "spread": random.uniform(0.5, 2, size=columns),
        "labels": first + random.permutation(np.repeat(np.arange(classes), 3))[:12],
        "wanted": random.normal(size=(12, classes)),
        "chosen": random.permutation(12)[:7],
        "hidden": random.uniform(0.05, 0.95, size=(12, 4)) * (random.random((12, 4)) < 0.7),
        "inputs": rows,
        "error": random.normal(size=(12, classes)),
        "when": random.integers(1, 40, size=(6, 2)),
        "velocity": random.normal(size=(columns, 4)),
        "change": random.normal(size=(columns, 4)),
        "sizes": random.integers([200, 30], [400, 50]),
    }


def measure(trainer: ModuleType, part: str, case: Mapping[str, Any]) -> Floats:
    """What a part of ``trainer`` gives on a case, as one vector. Raises what the part raises."""
    match part:
        case "scale":
            found = trainer.scale(case["x"], case["mean"], case["spread"])
        case "targets":
            found = trainer.targets(case["labels"])
        case "start":
            inputs, outputs = (int(size) for size in case["sizes"])
            weights = trainer.start(np.random.default_rng(1), inputs, outputs)
            found = [np.std(weights) * np.sqrt(inputs), np.mean(weights), *np.shape(weights)]
        case "batch":
            rows, wanted = trainer.batch(case["x"], case["wanted"], case["chosen"])
            found = np.concatenate([np.ravel(rows), np.ravel(wanted)])
        case "slope":
            found = trainer.slope(case["hidden"]) * np.ones_like(case["hidden"])
        case "gradient":
            found = trainer.gradient(case["inputs"], case["error"])
        case "pace":
            found = [trainer.pace(int(epoch), int(step)) for epoch, step in case["when"]]
        case "push":
            found = trainer.push(case["velocity"], case["change"])
        case _:
            raise ValueError(f"no part {part}")
    return np.asarray(found, dtype=np.float64).ravel()


def same(part: str, found: Floats, expected: Floats) -> bool:
    """Whether a part's result is the expected one."""
    return found.shape == expected.shape and bool(np.all(np.abs(found - expected) <= PARTS[part]))
