"""How the parts of the method act together, and what each part is tried on. Needs numpy only."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Parts = Mapping[str, Callable[..., Any]]

COLUMNS: Final = 7
#: Parts that the method also does without, for a row of its table.
SPARED: Final = ("pair", "keep", "temper", "trust", "smooth")
MEASURES: Final = ("mean", "rms", "largest")
#: A result is right up to this share of its size, or of 1 where it is smaller.
TOLERANCE: Final = 1e-6


def variants(parts: Collection[str]) -> list[str]:
    """The table's rows: the full method, and it without each part that can be spared."""
    return ["full", *(f"without {part}" for part in SPARED if part in parts)]


def predict(parts: Parts, x: Floats, y: Floats, new: Floats, without: str = "") -> Floats:
    """Predictions for rows ``new`` (m, 7) from rows ``x`` (n, 7) with targets ``y`` (n,)."""

    def has(part: str) -> bool:
        return part in parts and part != without

    centre = parts["centre"](x)
    spread = parts["spread"](x, centre)
    fitted, asked = (x - centre) / spread, (new - centre) / spread
    fitted, asked = parts["squash"](fitted), parts["squash"](asked)
    if has("pair"):
        fitted, asked = parts["pair"](fitted), parts["pair"](asked)
    if has("keep"):
        kept = parts["keep"](fitted, y)
        fitted, asked = fitted[:, kept], asked[:, kept]
    weights = parts["kernel"](parts["distance"](asked, fitted))
    if has("temper"):
        weights = parts["temper"](weights)
    if has("trust"):
        weights = weights * parts["trust"](fitted)
    return np.asarray(parts["combine"](weights, y), dtype=np.float64)


def table(parts: Parts, x: Floats, y: Floats) -> Floats:
    """The table's cells, row by row: mean, root mean square and maximum of each variant's losses."""
    if "unfold" in parts:
        y = parts["unfold"](y)
    # Without folds, rows of even index are fitted on and the others tested.
    folds = parts["fold"](len(x)) if "fold" in parts else np.arange(len(x)) % 2
    tested = np.unique(folds) if "fold" in parts else [1]
    cells: list[float] = []
    for variant in variants(parts):
        without = variant.removeprefix("without ")
        errors = np.full(len(x), np.nan)
        for fold in tested:
            out = folds == fold
            errors[out] = predict(parts, x[~out], y[~out], x[out], without) - y[out]
        errors = errors[np.isfinite(errors)]
        losses = parts["loss"](errors) if "loss" in parts else np.abs(errors)
        if "smooth" in parts and without != "smooth":
            losses = parts["smooth"](losses)
        cells += [float(np.mean(losses)), float(np.sqrt(np.mean(losses**2))), float(np.max(losses))]
    return np.array(cells)


def rows(random: np.random.Generator, n: int) -> tuple[Floats, Floats]:
    """Rows (n, 7) with heavy tails, and targets (n,) that some of their columns explain."""
    factor, offset = np.exp(random.normal(size=COLUMNS)), random.normal(scale=3, size=COLUMNS)
    plain = random.standard_t(3, size=(n, COLUMNS))
    slopes = random.normal(size=COLUMNS) * (random.random(COLUMNS) < 0.6)
    y = np.tanh(plain) @ slopes + np.sin(plain[:, 0]) + random.normal(scale=0.3, size=n)
    return plain * factor + offset, y


def case(random: np.random.Generator, what: str) -> dict[str, Any]:
    """The arguments of a part, or of ``predict`` or ``table``, by name."""
    n = int(random.integers(24, 40))
    x, y = rows(random, n)
    z = random.standard_t(3, size=(n, COLUMNS))
    match what:
        case "table":
            x, y = rows(random, 80)
            return {"x": x, "y": y}
        case "predict":
            return {"x": x[5:], "y": y[5:], "new": x[:5]}
        case "spread":
            return {"x": x, "centre": np.median(x, axis=0) + random.normal(scale=0.1, size=COLUMNS)}
        case "distance":
            return {"a": z[:6], "b": z[6:]}
        case "fold":
            return {"n": np.int64(n)}
    drawn = {
        "x": x, "y": y, "z": z, "distance": random.gamma(2, size=(5, n)), "error": random.normal(size=n),
        "weights": random.gamma(2, size=(5, n)), "v": random.gamma(2, size=n),
    }  # fmt: skip
    wanted = {
        "centre": ("x",), "squash": ("z",), "kernel": ("distance",), "combine": ("weights", "y"),
        "keep": ("z", "y"), "trust": ("z",), "loss": ("error",), "temper": ("weights",), "unfold": ("y",),
        "smooth": ("v",), "pair": ("z",),
    }[what]  # fmt: skip
    return {name: drawn[name] for name in wanted}


def same(found: Floats, expected: Floats) -> npt.NDArray[np.bool_]:
    """Entry by entry, whether a result is the expected one."""
    return np.abs(found - expected) <= TOLERANCE * np.maximum(1, np.abs(expected))
