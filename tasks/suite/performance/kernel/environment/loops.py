"""Writes the kernel of a world at level L0: four loops over rows in pure Python, one of them slow.

Needs numpy only, to draw.
"""

import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass
from textwrap import dedent
from typing import Any, Final

import numpy as np
import numpy.typing as npt

if __package__:
    from tasks.suite.performance.kernel.environment import forms
else:
    import forms  # type: ignore[import-not-found, no-redef]

Floats = npt.NDArray[np.float64]

COLUMNS: Final = 4
#: Names of loops; a closed vocabulary of plain words.
WORDS: Final = (
    "heat", "flow", "mass", "tilt", "site", "lane", "wind", "salt", "depth", "load", "speed", "force",
    "light", "noise", "width", "angle", "grain", "charge", "wave", "pulse", "ridge", "crest",
    "drift", "sand", "clay", "stone", "frost", "cloud", "rain", "tide", "current", "port", "shift",
    "line", "plant", "crew", "gain",
)  # fmt: skip

#: form -> a loop of time n x n x d, with the name to come.
SLOW: Final = {
    "attend": '''
        def NAME(rows):
            """attend: mixes the rows up to each, weighted by the exponential of SCALE times their product."""
            out = []
            for i, row in enumerate(rows):
                mixed, total = [0.0] * len(row), 0.0
                for other in rows[: i + 1]:
                    product = 0.0
                    for a, b in zip(row, other):
                        product += a * b
                    weight = math.exp(SCALE * product)
                    total += weight
                    for k, value in enumerate(other):
                        mixed[k] += weight * value
                out.append([value / total for value in mixed])
            return out
        ''',
    "decay": '''
        def NAME(rows):
            """decay: adds the rows up to each, weighted by RATE to the power of their distance."""
            out = []
            for i, row in enumerate(rows):
                summed = [0.0] * len(row)
                for j, other in enumerate(rows[: i + 1]):
                    for k, value in enumerate(other):
                        summed[k] += RATE ** (i - j) * value
                out.append(summed)
            return out
        ''',
    "nearest": '''
        def NAME(rows):
            """nearest: divides each row by 1 plus the squared distance to the nearest other one."""
            out = []
            for i, row in enumerate(rows):
                least = math.inf
                for j, other in enumerate(rows):
                    distance = 0.0
                    for a, b in zip(row, other):
                        distance += (a - b) ** 2
                    if i != j and distance < least:
                        least = distance
                out.append([value / (1 + least) for value in row])
            return out
        ''',
    "rank": '''
        def NAME(rows):
            """rank: puts in place of each entry the share of its column that is smaller."""
            out = []
            for row in rows:
                smaller = [0] * len(row)
                for other in rows:
                    for k, value in enumerate(other):
                        if value < row[k]:
                            smaller[k] += 1
                out.append([count / len(rows) for count in smaller])
            return out
        ''',
    "spread": '''
        def NAME(rows):
            """spread: adds all rows, each divided by 1 plus its distance."""
            out = []
            for i in range(len(rows)):
                summed = [0.0] * len(rows[i])
                for j, other in enumerate(rows):
                    for k, value in enumerate(other):
                        summed[k] += value / (1 + abs(i - j))
                out.append(summed)
            return out
        ''',
    "segment": '''
        def NAME(rows):
            """segment: adds the rows up to each, from the last one on that begins above 1."""
            out = []
            for i, row in enumerate(rows):
                summed = [0.0] * len(row)
                for other in rows[: i + 1]:
                    if other[0] > 1:
                        summed = [0.0] * len(row)
                    for k, value in enumerate(other):
                        summed[k] += value
                out.append(summed)
            return out
        ''',
}  # fmt: skip
#: What the others do to one column: a line of Python.
FAST: Final = {
    "raise": "row[COLUMN] += SCALE", "flip": "row[COLUMN] = -row[COLUMN]",
    "fade": "row[COLUMN] *= RATE", "floor": "row[COLUMN] = max(row[COLUMN], -2.0)",
}  # fmt: skip
_DESCRIPTION: Final = re.compile(r'^    """.*"""\n', re.MULTILINE)
_FAST_LOOP: Final = '''
    def NAME(rows):
        """FORM: one column of each row."""
        for row in rows:
            LINE
        return rows
    '''
_KERNEL: Final = '''
    def kernel(x):
        """The rows of x, a float64 array of shape (n, d), after every loop: n lists of d numbers."""
        rows = x.tolist()
        for loop in (LOOPS):
            rows = loop(rows)
        return rows
    '''


@dataclass(frozen=True, slots=True)
class Pipeline:
    """The loops of a kernel in their order: name, form, text."""

    constants: str
    loops: tuple[tuple[str, str, str], ...]
    rows: int

    def inputs(self, random: np.random.Generator, calls: int) -> dict[str, Floats]:
        """What ``calls`` calls of the kernel get: ``x`` of shape (calls, n, d)."""
        return {"x": random.normal(size=(calls, self.rows, COLUMNS))}

    def expected(self, inputs: Mapping[str, Floats]) -> Floats:
        """What the kernel gives on each case: shape (calls, n x d)."""
        space: dict[str, Any] = {}
        exec(self.reference, space)
        return np.array([np.ravel(space["kernel"](x)) for x in inputs["x"]])

    @property
    def start(self) -> str:
        """The kernel as it lies there, all in Python."""
        text = self._source("", {})
        return f"import math\n\n{text}" if "math." in text else text

    @property
    def reference(self) -> str:
        """The kernel with the slow loop in its numpy form."""
        fast = {name: inspect.getsource(getattr(forms, form)) for name, form, _ in self.loops if form in SLOW}
        return self._source("import numpy as np\n", fast)

    def _source(self, imports: str, instead: dict[str, str]) -> str:
        texts = [
            instead[name].replace(f"def {form}(", f"def {name}(") if name in instead else text
            for name, form, text in self.loops
        ]
        names = ", ".join(name for name, _, _ in self.loops)
        parts = [
            "\n".join([imports, self.constants]).lstrip(),
            *texts,
            dedent(_KERNEL).replace("LOOPS", names),
        ]
        return "\n\n".join(part.strip("\n") + "\n" for part in parts)


def draw(random: np.random.Generator, rows: int, slow: int = 1, told: bool = True) -> Pipeline:
    """A kernel over ``rows`` rows: so many slow loops and three fast ones, in any order and under any names.

    Args:
        told: each loop's description says what it computes.
    """
    chosen = [*random.choice(list(SLOW), slow, replace=False), *random.choice(list(FAST), 3, replace=False)]
    kinds = _ordered([str(kind) for kind in random.permutation(chosen)])
    names = [str(name) for name in random.choice(WORDS, len(kinds), replace=False)]
    columns = random.integers(COLUMNS, size=len(kinds))
    loops = []
    for name, kind, column in zip(names, kinds, columns, strict=True):
        text = SLOW[kind] if kind in SLOW else _FAST_LOOP.replace("LINE", FAST[kind])
        text = dedent(text).replace("NAME", name).replace("FORM", kind).replace("COLUMN", str(column))
        loops.append((name, kind, text if told else _DESCRIPTION.sub("", text)))
    rate, scale = random.uniform(0.8, 0.95), random.uniform(0.1, 0.3)
    return Pipeline(f"RATE, SCALE = {rate:.3f}, {scale:.3f}", tuple(loops), rows)


def _ordered(kinds: list[str]) -> list[str]:
    """The slow ones change places: attend is first, since others make entries too large for its exponential, rank
    next, since others compute equal entries that numpy's sums leave a hair apart."""
    slow = sorted(
        (kind for kind in kinds if kind in SLOW), key=lambda kind: (kind != "attend", kind != "rank")
    )
    return [slow.pop(0) if kind in SLOW else kind for kind in kinds]
