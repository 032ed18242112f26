"""Writes the trainer of a world from L1 on: a repository of five files with several wrong parts.

As at L0, each part stands in one of two forms, and for most the specification says which is right. How
many are wrong and what tells of them is the level's plan. Needs numpy only.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from string import Template
from typing import Any, Final

import numpy as np

from tasks.suite.research.debug.environment import checks, sources
from tasks.suite.research.debug.environment.forms import ALL_FORMS, MASK, SILENT, TOLD
from tasks.suite.research.debug.environment.library import AS_IT_IS, Size, extend
from tasks.suite.research.debug.environment.sources import ACTIVATIONS, Floats, Integers

#: The last one holds no part.
FILES: Final = ("data", "network", "optimiser", "evaluate", "trainer")
TEMPLATES: Final = {
    name: Template((Path(__file__).with_name("texts") / f"{name}.txt").read_text()) for name in FILES
}
#: Length of a mean gradient that is not shortened; the share of the weights that a step loses, by form (of
#: the first form the rate is a factor); the share of itself that an average keeps.
LIMIT: Final = 0.5
DECAY: Final = (0.02, 0.001)
KEPT: Final = 0.9
#: Rows for training, development, held-out material, and the least harm that the wrong parts do together.
ROWS: Final = (600, 300, 1_000)
LEAST_HARM: Final = 0.1


@dataclass(frozen=True, slots=True)
class Plan:
    """What a level's worlds are like.

    How hard it is to notice what is wrong: ``silent`` of the wrong parts leave a training that looks right;
    ``masked``, whether one of them hides what all the others do; ``examples``, for how many parts a worked
    example tells; whether the complaint blames a file without a wrong part (``misleading``). How much there
    is to read and to repair: the repository's ``size``, ``wrong`` parts.
    """

    wrong: int
    silent: int
    examples: int
    masked: bool = False
    misleading: bool = False
    size: Size = AS_IT_IS


#: level -> what its worlds are like.
LEVELS: Final[Mapping[str, Plan]] = {
    "L1": Plan(wrong=2, silent=0, examples=19),
    "L2": Plan(wrong=4, silent=2, examples=8, size=Size(modules=1, functions=8, depth=1)),
    "L3": Plan(
        wrong=6,
        silent=3,
        examples=3,
        masked=True,
        misleading=True,
        size=Size(modules=4, functions=11, depth=2),
    ),
}


@dataclass(frozen=True)
class Drawn:
    """A drawn world. Rows are of shape (n, 8), labels of shape (n,), counted as the files count."""

    #: part -> which of its forms is right.
    right: Mapping[str, int]
    wrong: tuple[str, ...]
    #: Parts that come with a worked example, and the file that the complaint blames.
    shown: tuple[str, ...]
    blamed: str
    x: Floats
    labels: Integers
    dev_x: Floats
    dev_labels: Integers
    test_x: Floats
    test_labels: Integers
    #: How large the repository is, and what draws the rest of it.
    size: Size
    seed: int

    def laid_out(self, wrong: tuple[str, ...]) -> dict[str, str]:
        """The repository's files by name, with the other form at the parts ``wrong``."""
        texts = {name.removesuffix(".py"): text for name, text in self.texts(wrong).items()}
        if self.size.depth:
            texts = extend(texts, self._written(wrong), self.seed, self.size)
        return {f"{name}.py": text for name, text in texts.items()}

    def _written(self, wrong: tuple[str, ...]) -> dict[str, str]:
        """For each part the form in which it stands."""
        return {
            part: ALL_FORMS[part][1 - form if part in wrong else form][0] for part, form in self.right.items()
        }

    def texts(self, wrong: tuple[str, ...]) -> dict[str, str]:
        """The same with what each part computes in itself: five files, whatever the size."""
        filled = self._written(wrong)
        batch = sources.BATCH if self.right["gradient"] else 1
        momentum = 1 - sources.MOMENTUM if self.right["push"] else 1
        constants = {
            "rate": f"{sources.RATE / batch / momentum:.4g}", "first": self.right["targets"],
            "halving": sources.EPOCHS_TO_HALVE * (sources.STEPS_AN_EPOCH if self.right["pace"] else 1),
            "activation": ACTIVATIONS[self.right["slope"]], "limit": LIMIT * batch,
            "decay": DECAY[self.right["shrink"]], "kept": f"{1 - KEPT if self.right['average'] else KEPT:g}",
        }  # fmt: skip
        return {f"{name}.py": template.substitute(filled | constants) for name, template in TEMPLATES.items()}

    @cached_property
    def reference(self) -> float:
        """Held-out accuracy of the repository that follows the specification, on this machine."""
        return self.run(())[0]

    def run(self, wrong: tuple[str, ...]) -> tuple[float, list[float]]:
        """Held-out accuracy, on this machine, with those parts wrong; and the validation losses."""
        trainer = checks.joined(self.texts(wrong))
        with np.errstate(all="ignore"):
            model = trainer.train(self.x, self.labels)
            found = trainer.predict(model, self.test_x)
        return float(np.mean(found == self.test_labels)), [float(value) for value in model[3]]


def draw(seed: int, plan: Plan) -> Drawn:
    """The world of a seed, drawn until the harm of the wrong parts is felt."""
    random = np.random.default_rng(seed)
    while True:
        drawn = _drawn(random, plan)
        if drawn.reference - drawn.run(drawn.wrong)[0] >= LEAST_HARM:
            return drawn


def _drawn(random: np.random.Generator, plan: Plan) -> Drawn:
    right = {part: int(random.integers(2)) if forms[1][1] else 0 for part, forms in ALL_FORMS.items()}
    loud = [part for part in ALL_FORMS if part not in SILENT and part != MASK]
    told = TOLD[random.integers(len(TOLD))]
    loud.remove(told)
    wrong = [told, MASK] if plan.masked else [told]
    wrong += [SILENT[i] for i in random.permutation(len(SILENT))[: plan.silent]]
    wrong += [loud[i] for i in random.permutation(len(loud))[: plan.wrong - len(wrong)]]
    names = list(ALL_FORMS)
    others = [part for part in names if part != told]
    shown = {told, *(others[i] for i in random.permutation(len(others))[: plan.examples - 1])}
    sample = sources.sampler(random, right["scale"], right["targets"])
    training, development, test = sample(ROWS[0], True), sample(ROWS[1], False), sample(ROWS[2], False)
    bad = {checks.WHERE[part] for part in wrong}
    blamed = [name for name in FILES[:-1] if (name in bad) != plan.misleading] or FILES[:-1]
    return Drawn(
        right, *(tuple(part for part in names if part in some) for some in (wrong, shown)), blamed[random.integers(len(blamed))],
        *training, *development, *test, plan.size, int(random.integers(2**63)),
    )  # fmt: skip


def files(drawn: Drawn, public: Mapping[str, Mapping[str, Any]]) -> dict[str, bytes]:
    """What a world lays out under / besides the tool; ``public`` are the worked examples' arguments."""
    shown = {part: public[part] for part in drawn.shown}
    examples = {f"{part}.{name}": value for part, case in shown.items() for name, value in case.items()}
    examples |= {f"{part}.right": value for part, value in expected(drawn, shown).items()}
    said = [ALL_FORMS[part][form][1] for part, form in drawn.right.items()]
    before, now = drawn.run(()), drawn.run(drawn.wrong)
    curves = [f"{epoch},{a:.4g},{b:.4g}" for epoch, (a, b) in enumerate(zip(before[1], now[1], strict=True))]
    complaint = [
        "# What happened", f"Since the refactor the accuracy on new rows is {now[0]:.2f}; it was {before[0]:.2f}.",
        f"`curves.csv` has the validation loss of each epoch before and since. I think that it is `{drawn.blamed}.py`:",
        "it is what I touched last.",
    ]  # fmt: skip
    return {
        "task/spec.md": "\n".join(["# What the trainer does", *(f"- {line}" for line in said), ""]).encode(),
        "task/complaint.md": "\n".join([*complaint, ""]).encode(),
        "task/curves.csv": "\n".join(["epoch,before,since", *curves, ""]).encode(),
        "task/examples.npz": sources.npz(**examples),
        "task/checks.py": Path(checks.__file__).read_bytes(),
        "work/train.npz": sources.npz(
            x=drawn.x, labels=drawn.labels, dev_x=drawn.dev_x, dev_labels=drawn.dev_labels
        ),
        **{f"work/{name}": text.encode() for name, text in drawn.laid_out(drawn.wrong).items()},
    }  # fmt: skip


def cases(seed: int, drawn: Drawn) -> dict[str, dict[str, Any]]:
    """Inputs of the parts that a seed draws."""
    return checks.cases(np.random.default_rng(seed), drawn.right["targets"])


def expected(drawn: Drawn, case: Mapping[str, Mapping[str, Any]]) -> dict[str, Floats]:
    """What each part of the right repository gives on its case."""
    module = checks.joined(drawn.texts(()))
    return {part: checks.measure(getattr(module, part), part, given) for part, given in case.items()}
