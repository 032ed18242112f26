"""The leaves of a reproduction: what is called on which inputs, and which of the results are right."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from tasks.reproduction import names
from tasks.suite.research.repro.environment import glue, writing
from tasks.suite.research.repro.environment.glue import Floats
from tasks.suite.research.repro.world import Hidden

#: Sets of fresh inputs that count: of a part, of ``predict``, of ``table`` (where each cell is a leaf).
COUNTED: Final[Mapping[str, int]] = {"predict": 3, "table": 2}
#: Leaves that the report of the wrong claim is worth, where there is one.
REPORT_LEAVES: Final = 4
#: What stands for a number that the submission did not give.
NOTHING: Final = 1e300
#: How far a twin lies from the public inputs, as a share of each number.
TWIN_SHARE: Final = 1e-9


@dataclass(frozen=True)
class Called:
    """One call of a submitted function: the inputs' label, the function, its arguments, the right result."""

    label: str
    what: str
    case: Mapping[str, Any]
    expected: Floats


def calls(hidden: Hidden) -> list[Called]:
    """Every call: on fresh inputs, on the public ones, and on the public ones' twins.

    A twin's numbers differ from the public ones by a billionth, so that a function of them that is worked
    out gives nearly the same, and one that was looked up does not.
    """
    found = []
    for what in hidden.public:
        labelled = {str(i): one[what] for i, one in enumerate(hidden.fresh[: COUNTED.get(what)])}
        labelled |= {"public": hidden.public[what], "twin": _twin(hidden.public[what])}
        for label, case in labelled.items():
            found.append(Called(label, what, case, hidden.drawn.expected(what, case)))
    return found


def _twin(case: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value * (1 + TWIN_SHARE) if np.issubdtype(value.dtype, np.floating) else value
        for name, value in case.items()
    }


def laid_out(called: list[Called]) -> dict[str, bytes]:
    """What the probe is given of the calls: their arguments and their order, not what is right."""
    arguments = {f"{c.label}.{c.what}.{name}": value for c in called for name, value in c.case.items()}
    order = [[c.label, c.what, len(c.expected)] for c in called]
    return {
        "cases.npz": writing.npz(**arguments),
        "order.json": json.dumps({"order": order, "nothing": NOTHING}).encode(),
    }


@dataclass(frozen=True)
class Judged:
    """How many leaves there are and hold, and which functions have their public results built in."""

    leaves: int
    right: int
    public: int
    public_right: int
    built_in: tuple[str, ...]


def judge(hidden: Hidden, called: list[Called], found: Floats, report: bytes | None) -> Judged:
    """Holds the results of all calls, one vector, and the report against the paper."""
    results: dict[tuple[str, str], tuple[Called, Floats]] = {}
    start = 0
    for one in called:
        results[one.label, one.what] = one, found[start : start + len(one.expected)]
        start += len(one.expected)
    fresh, public = [
        [leaf for one, values in results.values() if counts(one.label) for leaf in _leaves(one, values)]
        for counts in (str.isdigit, "public".__eq__)
    ]
    if hidden.drawn.wrong is not None:
        fresh += [names(report, "wrong") == {hidden.drawn.wrong}] * REPORT_LEAVES
    built_in = tuple(what for what in hidden.public if _built_in(what, results))
    return Judged(len(fresh), sum(fresh), len(public), sum(public), built_in)


def _leaves(one: Called, values: Floats) -> Iterator[bool]:
    """Whether a result is right; of a table, whether each cell is."""
    right = glue.same(values, one.expected)
    yield from (bool(cell) for cell in right) if one.what == "table" else (bool(right.all()),)


def _built_in(what: str, results: Mapping[tuple[str, str], tuple[Called, Floats]]) -> bool:
    """Whether a function's public results were not worked out.

    Either they are right and a twin's are not, or they are right and are given for other inputs too, whose
    right results are others. Of a table this holds cell by cell.
    """
    shown, known = results["public", what]
    twin, near = results["twin", what]
    right = glue.same(known, shown.expected)
    missed = right & ~glue.same(near, twin.expected)
    if what != "table":
        missed = np.array([right.all() and missed.any()])
    constant = np.zeros(len(missed), dtype=bool)
    for (label, other), (one, values) in results.items():
        if other == what and label.isdigit() and len(values) == len(known):
            copied = right & (values == known) & ~glue.same(one.expected, shown.expected)
            constant |= (
                copied if what == "table" else bool(right.all() and (values == known).all() and copied.any())
            )
    return bool((missed | constant).any())
