"""Draws a world of ml/lm."""

import io
import json
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, Final

import numpy as np

from sandbox.files import FileSpec, read_tree
from tasks.suite.ml.lm.environment.text import Floats, Language, Sizes, Symbols, draw_lags
from tasks.suite.ml.lm.environment.text import draw as draw_language
from tasks.world import World, subseed

_ENVIRONMENT: Final = Path(__file__).with_name("environment")
#: Laid out up to L3: what describes a program in any form, and the tool that sets its lags.
TOOLS: Final = _ENVIRONMENT / "tools"
#: Laid out at L4 in their place, beside the operations.
ALONE: Final = _ENVIRONMENT / "alone"
OPERATIONS: Final = _ENVIRONMENT / "ops.py"
#: Languages that a submission is judged on, each learned anew.
LANGUAGES: Final = 2


@dataclass(frozen=True, slots=True)
class Knobs:
    """What a level asks for.

    At L0 the lags alone are to be noticed, and their symbols counted together; from L1 on there are too few lines
    for that, and a model must be found that adds what each lag tells (execution). From L2 on even that has too many
    weights: that all rows lie in few dimensions is to be noticed, and from L3 on that two lags tell more together than
    apart. At L4 the model is written in a few operations, which hold no exponential, division, root or comparison.
    """

    sizes: Sizes
    #: File of the reference's program.
    reference: str
    #: Processor seconds that a program gets to learn and to answer.
    seconds: float
    #: Whether it is run by ``ops.py``, which knows no other operations than its own.
    restricted: bool = False


LEVELS: Final = {
    "L0": Knobs(Sizes(12, 2, 1.5, lines=100, length=200, contexts=1_000), "lm.txt", seconds=3.0),
    "L1": Knobs(Sizes(24, 3, 1.0, lines=150, length=200, contexts=1_000), "loglinear.txt", seconds=10.0),
    "L2": Knobs(
        Sizes(128, 3, 1.2, lines=150, length=200, contexts=600, rank=4), "embedded.txt", seconds=10.0
    ),
    "L3": Knobs(
        Sizes(48, 3, 1.0, lines=150, length=200, contexts=1_000, rank=4, pairs=1.0),
        "embedded.txt",
        seconds=10.0,
    ),
    "L4": Knobs(
        Sizes(64, 4, 0.9, lines=150, length=200, contexts=1_000, rank=4, pairs=0.9),
        "embedded.txt",
        seconds=20.0,
        restricted=True,
    ),
}


@dataclass(frozen=True, slots=True)
class Lesson:
    """A language with a text to learn, and contexts with the true probabilities after them."""

    text: Symbols
    contexts: Symbols
    right: Floats


@dataclass(frozen=True, slots=True)
class Hidden:
    """What the grader knows."""

    public: Lesson
    fresh: tuple[Lesson, ...]
    start: str
    reference: str
    seconds: float
    restricted: bool


def draw(seed: bytes, level: str, arm: str) -> World:
    """The world of a seed; the task has only the arm ``plain``."""
    knobs = LEVELS[level]
    lags = draw_lags(_random(seed, "lags"), knobs.sizes)
    public = _lesson(_random(seed, "public"), knobs.sizes, lags)
    fresh = tuple(_lesson(_random(seed, f"fresh {n}"), knobs.sizes, lags) for n in range(LANGUAGES))
    start = _program("lm.txt", knobs.sizes)
    reference = _program(knobs.reference, knobs.sizes).replace("LAGS = []", f"LAGS = {list(lags)}")
    if knobs.sizes.pairs:
        reference = reference.replace("PAIRS = []", f"PAIRS = {list(combinations(range(len(lags)), 2))}")
    shown = _program("restricted.txt", knobs.sizes) if knobs.restricted else start
    own = (
        (*read_tree(ALONE), FileSpec("task/ops.py", OPERATIONS.read_bytes()))
        if knobs.restricted
        else read_tree(TOOLS)
    )
    files = (
        *own,
        FileSpec("work/submission/lm.py", shown.encode()),
        FileSpec("work/text.npy", npy(public.text)),
        FileSpec("task/seconds.json", json.dumps(knobs.seconds).encode()),
        FileSpec("task/examples.npz", _npz(contexts=public.contexts, right=public.right)),
    )
    return World(files, hidden=Hidden(public, fresh, start, reference, knobs.seconds, knobs.restricted))


def npy(array: Symbols) -> bytes:
    """The bytes of an npy file."""
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def _npz(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def _lesson(random: np.random.Generator, sizes: Sizes, lags: tuple[int, ...]) -> Lesson:
    language: Language = draw_language(random, sizes, lags)
    contexts, text = language.sample(random)
    return Lesson(text, contexts, language.probabilities(contexts))


def _program(name: str, sizes: Sizes) -> str:
    return (_ENVIRONMENT / name).read_text().replace("SIZE", str(sizes.alphabet))


def _random(seed: bytes, purpose: str) -> np.random.Generator:
    return np.random.default_rng(int.from_bytes(subseed(seed, purpose)))
