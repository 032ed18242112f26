"""Writes the trainer of a world: what its specification says, and one change that does not follow it.

Each part stands in one of two forms. For most parts the specification says which is right, so that
no form is right in all worlds. Needs numpy only. Run as a program it lays out the public
development world of the Dockerfile: ``python3 sources.py DIRECTORY``.
"""

import io
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from string import Template
from types import ModuleType
from typing import Any, Final

import numpy as np
import numpy.typing as npt

if __package__:
    from tasks.suite.research.debug.environment import parts
else:
    import parts  # type: ignore[import-not-found, no-redef]

TEMPLATE: Final = Template(Path(__file__).with_name("trainer.txt").read_text())

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

#: Names of changes; a closed vocabulary of plain words.
WORDS: Final = (
    "heat", "flow", "mass", "tilt", "site", "lane", "wind", "salt", "depth", "load", "speed", "force",
    "light", "noise", "width", "angle", "grain", "charge", "wave", "pulse", "ridge", "crest",
    "drift", "sand", "clay", "stone", "frost", "cloud", "rain", "tide", "current", "port", "shift",
    "line", "plant", "crew", "gain",
)  # fmt: skip
CLASSES: Final = 5
COLUMNS: Final = 8
STEPS_AN_EPOCH: Final = 30
BATCH: Final = 20
MOMENTUM: Final = 0.95
EPOCHS_TO_HALVE: Final = 1

#: part -> its two forms and, where either may be right, what the specification says of each.
#: Where the second has none, the first is right in every world.
FORMS: Final[Mapping[str, tuple[tuple[str, str | None], tuple[str, str | None]]]] = {
    "scale": (
        ("(x - mean) / spread", "Rows are scaled by mean and spread of the training rows."),
        ("(x - x.mean(axis=0)) / x.std(axis=0)", "Rows are scaled by their own mean and spread."),
    ),
    "targets": (
        ("np.eye(CLASSES)[labels % CLASSES]", "Labels count from 0."),
        ("np.eye(CLASSES)[(labels - 1) % CLASSES]", "Labels count from 1."),
    ),
    "start": (
        ("random.normal(scale=inputs**-0.5, size=(inputs, outputs))",
         "Weights begin normal, with variance 1 / inputs."),
        ("np.zeros((inputs, outputs))", None),
    ),
    "batch": (
        ("x[chosen], wanted[chosen]", "A batch holds the chosen rows, each with its own target."),
        ("x[chosen], wanted[: len(chosen)]", None),
    ),
    "slope": (
        ("hidden > 0", "The activation is max(total, 0)."),
        ("1 - hidden**2", "The activation is tanh(total)."),
    ),
    "gradient": (
        ("inputs.T @ error / len(error)", "A gradient is the mean over the batch."),
        ("inputs.T @ error", "A gradient is the sum over the batch."),
    ),
    "pace": (
        ("RATE * 0.5 ** (epoch / HALVING)", "HALVING is in epochs: after as many, the rate is half."),
        ("RATE * 0.5 ** (step / HALVING)", "HALVING is in steps: after as many, the rate is half."),
    ),
    "push": (
        ("MOMENTUM * velocity + gradient", "The velocity is MOMENTUM times the old one, plus the gradient."),
        ("MOMENTUM * velocity + (1 - MOMENTUM) * gradient",
         "The velocity is MOMENTUM times the old one, plus 1 - MOMENTUM times the gradient."),
    ),
}  # fmt: skip
ACTIVATIONS: Final = ("np.maximum(total, 0)", "np.tanh(total)")
#: Rate of a step on the mean gradient without a momentum's factor.
RATE: Final = 0.03
#: Standard deviation of the class means; that of the rows around them is 1.
MEANS: Final = 1.2
#: How far columns move where rows are scaled by their own mean, and how frequent one class becomes
#: where they are not.
DRIFT: Final = 1.5
FREQUENT: Final = 0.5
#: The wrong change costs at least so much accuracy.
LEAST_HARM: Final = 0.08


@dataclass(frozen=True, slots=True)
class Spec:
    """Which form of each part is right, and what each part's change is called."""

    right: Mapping[str, int]
    names: Mapping[str, str]

    @property
    def first(self) -> int:
        """The smallest label."""
        return self.right["targets"]

    def text(self) -> str:
        """The specification in words."""
        said = [FORMS[part][form][1] for part, form in self.right.items()]
        return "\n".join(["# What the trainer does", *(f"- {line}" for line in said)]) + "\n"

    def source(self, wrong: str | None) -> str:
        """The trainer's text, with the other form at the part ``wrong``."""
        filled = {
            part: FORMS[part][1 - form if part == wrong else form][0] for part, form in self.right.items()
        }
        rate = RATE / (BATCH if self.right["gradient"] else 1) / ((1 - MOMENTUM) if self.right["push"] else 1)
        return TEMPLATE.substitute(
            filled, rate=f"{rate:.4g}", first=self.first,
            halving=EPOCHS_TO_HALVE * (STEPS_AN_EPOCH if self.right["pace"] else 1),
            activation=ACTIVATIONS[self.right["slope"]],
        )  # fmt: skip

    def changes(self, wrong: str) -> dict[str, dict[str, str]]:
        """The refactor's changes by name: each took one part from its other form to the one it has."""
        found = {}
        for part, form in self.right.items():
            now = 1 - form if part == wrong else form
            before, after = (f"return {FORMS[part][which][0]}" for which in (1 - now, now))
            found[self.names[part]] = {"part": part, "before": before, "after": after}
        return found


@dataclass(frozen=True)
class Drawn:
    """A drawn world. Rows are of shape (n, 8), labels of shape (n,), counted as the files count."""

    spec: Spec
    #: The part whose change is wrong.
    wrong: str
    x: Floats
    labels: Integers
    dev_x: Floats
    dev_labels: Integers
    test_x: Floats
    test_labels: Integers

    @cached_property
    def reference(self) -> float:
        """Held-out accuracy of the trainer that follows the specification, on this machine."""
        return accuracy(self, None)


def draw(seed: int, rows: tuple[int, int, int]) -> Drawn:
    """The world of a seed, with so many training, development and held-out rows.

    The wrong part is drawn first, each as likely as the others; then specifications and rows are
    drawn until its harm is felt.
    """
    random = np.random.default_rng(seed)
    wrong = list(FORMS)[random.integers(len(FORMS))]
    while True:
        drawn = _drawn(random, wrong, rows)
        if drawn.reference - accuracy(drawn, wrong) >= LEAST_HARM:
            return drawn


def accuracy(drawn: Drawn, wrong: str | None) -> float:
    """Held-out accuracy, on this machine, of the trainer with the other form at the part ``wrong``."""
    trainer = load(drawn.spec.source(wrong))
    with np.errstate(all="ignore"):
        found = trainer.predict(trainer.train(drawn.x, drawn.labels), drawn.test_x)
    return float(np.mean(found == drawn.test_labels))


def _drawn(random: np.random.Generator, wrong: str, rows: tuple[int, int, int]) -> Drawn:
    right = {part: int(random.integers(2)) if FORMS[part][1][1] else 0 for part in FORMS}
    words = random.permutation(len(WORDS))[: len(FORMS)]
    spec = Spec(right, {part: WORDS[word] for part, word in zip(FORMS, words, strict=True)})
    sample = sampler(random, right["scale"], spec.first)
    training, development, test = sample(rows[0], True), sample(rows[1], False), sample(rows[2], False)
    return Drawn(spec, wrong, *training, *development, *test)


def sampler(
    random: np.random.Generator, scale: int, first: int
) -> Callable[[int, bool], tuple[Floats, Integers]]:
    """Draws so many rows, as they were when the trainer was fitted or as they are met later.

    ``scale`` is the right form of that part, ``first`` the smallest label. Rows that are met later show why
    the specification scales as it does. Where their own mean and spread count, their columns have moved;
    where the training rows' do, one class is frequent.
    """
    means = random.normal(scale=MEANS, size=(CLASSES, COLUMNS))
    offset = random.normal(scale=3, size=COLUMNS)
    factor = np.exp(random.normal(scale=0.7, size=COLUMNS))
    drift = random.choice([-1.0, 1.0], size=COLUMNS) * DRIFT
    frequent = int(random.integers(CLASSES))

    def sample(n: int, fitted: bool) -> tuple[Floats, Integers]:
        classes = random.integers(CLASSES, size=n)
        moved = np.zeros(COLUMNS)
        if not fitted and scale:
            moved = drift
        elif not fitted:
            classes[random.random(n) < FREQUENT] = frequent
        x = (means[classes] + random.normal(size=(n, COLUMNS)) + moved) * factor + offset
        return x, classes + first

    return sample


def load(source: str) -> ModuleType:
    """A trainer of ours as a module. Never for text that has been in a box."""
    module = ModuleType("trainer")
    exec(compile(source, "trainer.py", "exec"), module.__dict__)
    return module


def cases(seed: int, drawn: Drawn) -> dict[str, Any]:
    """Inputs of the parts that a seed draws."""
    return parts.cases(np.random.default_rng(seed), CLASSES, drawn.spec.first, COLUMNS)


def expected(drawn: Drawn, case: Mapping[str, Any]) -> dict[str, Floats]:
    """What each part of the right trainer gives on a case."""
    trainer = load(drawn.spec.source(None))
    return {part: parts.measure(trainer, part, case) for part in parts.PARTS}


def files(drawn: Drawn, case: Mapping[str, Any]) -> dict[str, bytes]:
    """What a world lays out under / besides the tools; ``case`` is the public one."""
    answers = {f"right_{part}": value for part, value in expected(drawn, case).items()}
    return {
        "task/spec.md": drawn.spec.text().encode(),
        "task/changes.json": json.dumps(drawn.spec.changes(drawn.wrong), indent=1).encode(),
        "task/examples.npz": npz(**case, **answers),
        "task/parts.py": Path(parts.__file__).read_bytes(),
        "work/trainer.py": drawn.spec.source(drawn.wrong).encode(),
        "work/train.npz": npz(
            x=drawn.x, labels=drawn.labels, dev_x=drawn.dev_x, dev_labels=drawn.dev_labels
        ),
    }  # fmt: skip


def npz(**arrays: Any) -> bytes:
    """The bytes of an npz file; the same arrays give the same bytes."""
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def lay_out_public(directory: Path) -> None:
    """Writes the public development world under ``directory``, which stands for /."""
    drawn = draw(0, (600, 300, 500))
    for path, content in files(drawn, cases(0, drawn)).items():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_bytes(content)


if __name__ == "__main__":
    lay_out_public(Path(sys.argv[1]))
