"""Writes the paper of a made-up method, with its table of claims, and what its parts must give.

Needs numpy only. Run as a program it lays out the public development world of the Dockerfile:
``python3 papers.py DIRECTORY``.
"""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import numpy as np

if __package__:
    from tasks.suite.research.repro.environment import forms, glue, writing
    from tasks.suite.research.repro.environment.glue import Floats
else:
    import forms  # type: ignore[import-not-found, no-redef]
    import glue  # type: ignore[import-not-found, no-redef]
    import writing  # type: ignore[import-not-found, no-redef]
    from glue import Floats  # type: ignore[import-not-found, no-redef]

#: Names of methods and of forms in the library; a closed vocabulary of plain words.
WORDS: Final = (
    "heat", "flow", "mass", "tilt", "site", "lane", "wind", "salt", "depth", "load", "speed", "force",
    "light", "noise", "width", "angle", "grain", "charge", "wave", "pulse", "ridge", "crest",
    "drift", "sand", "clay", "stone", "frost", "cloud", "rain", "tide", "current", "port", "shift",
    "line", "plant", "crew", "gain",
)  # fmt: skip
FIRST: Final = ("centre", "spread", "squash", "distance", "kernel", "combine")
SECOND: Final = (*FIRST, "keep", "trust", "loss", "temper")
THIRD: Final = (*SECOND, "fold", "unfold", "smooth")
#: A wrong claim is so many times what the method gives.
WRONG_FACTORS: Final = (0.6, 0.75, 1.3, 1.6)
#: A claim tells two constants apart where they change it by more than this share.
TOLD: Final = 1e-3


@dataclass(frozen=True, slots=True)
class Plan:
    """What a level's papers are like.

    How much there is to do: the ``parts`` of the method. How hard it is to notice what is off:
    ``examples``, for how many parts a worked example shows whether they are right; ``open``, how many
    constants the paper does not give, so that the claims must be searched for them; ``wrong``, whether
    one of the claims is not what the method gives.
    """

    parts: tuple[str, ...]
    examples: int
    open: int = 0
    wrong: bool = False


#: level -> what its papers are like.
LEVELS: Final[Mapping[str, Plan]] = {
    "L0": Plan(FIRST, examples=6),
    "L1": Plan(FIRST, examples=6),
    "L2": Plan(SECOND, examples=5, open=1),
    "L3": Plan(THIRD, examples=3, open=2, wrong=True),
    "L4": Plan((*THIRD, "pair"), examples=0, open=3, wrong=True),
}


@dataclass(frozen=True)
class Drawn:
    """A drawn paper."""

    title: str
    #: part -> which of its forms, and the value of the form's constant if it has one.
    chosen: Mapping[str, tuple[int, str | None]]
    #: Parts whose constant the paper leaves open, and parts that come with a worked example.
    open: frozenset[str]
    shown: tuple[str, ...]
    #: The rows of the paper's own data, and the claims on them by cell; what is blanked is missing.
    data: Mapping[str, Floats]
    claims: Mapping[str, float]
    #: The cell whose claim is not what the method gives.
    wrong: str | None

    @cached_property
    def parts(self) -> dict[str, Callable[..., Any]]:
        """The method's parts as functions of ours."""
        module = load(source(self.chosen))
        return {part: getattr(module, part) for part in self.chosen}

    @property
    def cells(self) -> list[str]:
        """The names of the table's cells, in order."""
        return [f"{row}, {measure}" for row in glue.variants(self.chosen) for measure in glue.MEASURES]

    def expected(self, what: str, case: Mapping[str, Any]) -> Floats:
        """What a part, ``predict`` or ``table`` must give on a case, as one vector."""
        match what:
            case "predict":
                found = glue.predict(self.parts, **case)
            case "table":
                found = glue.table(self.parts, **case)
            case part:
                found = self.parts[part](**case)
        return np.asarray(found, dtype=np.float64).ravel()


def draw(seed: int, plan: Plan) -> Drawn:
    """The paper of a seed, drawn until its claims tell what it leaves open."""
    random = np.random.default_rng(seed)
    while True:
        drawn = _drawn(random, plan)
        if all(_tells(drawn, part) for part in drawn.open):
            return drawn


def _drawn(random: np.random.Generator, plan: Plan) -> Drawn:
    chosen: dict[str, tuple[int, str | None]] = {}
    for part in plan.parts:
        form = int(random.integers(3))
        values = forms.FORMS[part][form].values
        chosen[part] = form, values[random.integers(len(values))] if values else None
    # What these do reaches every cell of the table.
    having = [part for part in ("squash", "kernel", "loss", "smooth") if chosen.get(part, (0, None))[1]]
    left_open = frozenset(having[i] for i in random.permutation(len(having))[: plan.open])
    shown = [part for part in plan.parts if part not in left_open]
    shown = [shown[i] for i in random.permutation(len(shown))[: plan.examples]]
    title = WORDS[random.integers(len(WORDS))]
    drawn = Drawn(title, chosen, left_open, tuple(shown), glue.case(random, "table"), {}, None)
    return _claiming(random, drawn, plan.wrong)


def _tells(drawn: Drawn, part: str) -> bool:
    """Whether any other constant of a part would change more than two of the claims, by far more than
    they are rounded."""
    form, value = drawn.chosen[part]
    for other in set(forms.FORMS[part][form].values) - {value}:
        changed = replace(drawn, chosen={**drawn.chosen, part: (form, other)}).expected("table", drawn.data)
        cells = dict(zip(drawn.cells, changed, strict=True))
        if sum(abs(cells[cell] / claim - 1) > TOLD for cell, claim in drawn.claims.items()) <= 2:
            return False
    return True


def _claiming(random: np.random.Generator, drawn: Drawn, wrong: bool) -> Drawn:
    """The paper with its claims: the full method's, and half of the others."""
    values = dict(zip(drawn.cells, drawn.expected("table", drawn.data).tolist(), strict=True))
    others = [cell for cell in drawn.cells if not cell.startswith("full")]
    blank = {others[i] for i in random.permutation(len(others))[: len(others) // 2]}
    claims = {cell: float(f"{value:.9g}") for cell, value in values.items() if cell not in blank}
    false = list(claims)[random.integers(len(claims))] if wrong else None
    if false is not None:
        factor = WRONG_FACTORS[random.integers(len(WRONG_FACTORS))]
        claims[false] = float(f"{claims[false] * factor:.9g}")
    elif len(claims) == len(values):
        del claims[drawn.cells[-1]]
    return replace(drawn, claims=claims, wrong=false)


def source(chosen: Mapping[str, tuple[int, str | None]]) -> str:
    """The parts as a module's text."""
    texts = ["import numpy as np"]
    for part, (form, value) in chosen.items():
        body = forms.FORMS[part][form].code(value).replace("\n", "\n    ")
        texts.append(f"def {part}({', '.join(forms.ARGUMENTS[part])}):\n    {body}")
    return "\n\n\n".join(texts) + "\n"


def load(text: str) -> ModuleType:
    """A module of our own text. Never for text that has been in a box."""
    module = ModuleType("method")
    exec(compile(text, "method.py", "exec"), module.__dict__)
    return module


def cases(seed: int, drawn: Drawn) -> dict[str, dict[str, Any]]:
    """The arguments that a seed draws for each part, ``predict`` and ``table``."""
    random = np.random.default_rng(seed)
    return {what: glue.case(random, what) for what in (*drawn.chosen, "predict", "table")}


def files(drawn: Drawn, public: Mapping[str, Mapping[str, Any]]) -> dict[str, bytes]:
    """What a world lays out under / from L1 on; ``public`` are the worked examples' arguments."""
    return {
        "task/paper.md": writing.paper(drawn).encode(),
        "task/data.npz": writing.npz(**drawn.data),
        "task/examples.npz": writing.examples(drawn, public),
        "work/method.py": writing.blank(drawn, together=False).encode(),
    }


def files_with_library(seed: int, drawn: Drawn, public: Mapping[str, Mapping[str, Any]]) -> dict[str, bytes]:
    """What a world of L0 lays out: besides, a library of each part's three forms under drawn names, the
    right one with its constant; ``predict`` and ``table`` are written already."""
    random = np.random.default_rng(seed)
    names = [WORDS[i] for i in random.permutation(len(WORDS))]
    values = {}
    for part, (right, value) in drawn.chosen.items():
        some = [
            form.values[random.integers(len(form.values))] if form.values else None
            for form in forms.FORMS[part]
        ]
        some[right] = value
        values[part] = tuple(some)
    return files(drawn, public) | {
        "task/library.json": writing.library(drawn, names, values),
        "work/method.py": writing.blank(drawn, together=True).encode(),
    }


def lay_out_public(directory: Path) -> None:
    """Writes the public development world under ``directory``, which stands for /."""
    drawn = draw(0, LEVELS["L0"])
    for path, content in files_with_library(0, drawn, cases(0, drawn)).items():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_bytes(content)


if __name__ == "__main__":
    lay_out_public(Path(sys.argv[1]))
