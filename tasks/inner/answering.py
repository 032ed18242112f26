"""Runs the answering tool of a scaffold in a box, and keeps what a parent answered in a world."""

import json
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import sqrt
from typing import Final

from sandbox.box import Box
from sandbox.canonical import digest
from sandbox.files import FileSpec, manifest_of
from tasks.grading import Bench, Invalid
from tasks.inner.seed import TOOL
from tasks.laying import ENVIRONMENT
from tasks.reproduction import result, run_to_end

_MAX_ANSWERS_BYTES: Final = 65_536


@dataclass(frozen=True, slots=True)
class Split:
    """Questions of a split with their right answers, in the same order."""

    name: str
    questions: tuple[str, ...]
    answers: tuple[str, ...]


async def rights(box: Box, split: Split, seconds: float) -> tuple[bool, ...]:
    """Which questions of a split the scaffold in /agent answers right.

    Raises:
        Invalid: it does not answer as the task says.
    """
    asked = {"split": split.name, "questions": split.questions}
    # The empty answer file replaces what the run before may have left.
    answers = "answers.json"
    await box.put("/work", [FileSpec("questions.json", json.dumps(asked).encode()), FileSpec(answers, b"")])
    await run_to_end(
        box, ["python3", f"/agent/{TOOL}", "/work/questions.json", f"/work/{answers}"], "answer",
        cwd="/work", seconds=seconds, env=ENVIRONMENT,
    )  # fmt: skip
    given = parse_answers(await result(box, answers, "answers"), len(split.questions))
    return tuple(text == right for text, right in zip(given, split.answers, strict=True))


def parse_answers(data: bytes, n: int) -> list[str]:
    """The ``n`` answers of an answer file; whole numbers count as their text.

    Raises:
        Invalid: anything else, by cause.
    """
    if len(data) > _MAX_ANSWERS_BYTES:
        raise Invalid("answers_too_large")
    try:
        given = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Invalid("answers_not_json") from error
    if not isinstance(given, list) or not all(type(answer) in (str, int) for answer in given):
        raise Invalid("answers_not_a_list_of_texts")
    if len(given) != n:
        raise Invalid("answers_wrong_length")
    return [str(answer).strip() for answer in given]


@dataclass(frozen=True, slots=True)
class Answered:
    """What a scaffold got right."""

    heldout: tuple[bool, ...]
    development: tuple[bool, ...]


@dataclass(slots=True)
class Kept:
    """The newest ``most`` parents that this process has graded, by world and scaffold.

    A key names all that a parent's answers depend on, so that none is ever stale; every child of a world is
    then compared with the same answers of its parent.
    """

    most: int = 256
    _held: OrderedDict[str, Answered] = field(default_factory=OrderedDict)

    def key(self, world: bytes, splits: Sequence[Split], scaffold: Sequence[FileSpec]) -> str:
        """Args: ``world``: what no two worlds share; ``splits``: that are asked; ``scaffold``: the parent's files."""
        asked = [[split.name, split.questions, split.answers] for split in splits]
        return digest([world.hex(), asked, manifest_of(tuple(scaffold)).id])

    def get(self, key: str) -> Answered | None:
        """What is kept, if it is."""
        return self._held.get(key)

    def put(self, key: str, answered: Answered) -> None:
        """Keeps it, and lets the oldest go where they are too many."""
        self._held[key] = answered
        while len(self._held) > self.most:
            self._held.popitem(last=False)


@dataclass(frozen=True, slots=True)
class Gain:
    """A child less its parent on the same questions.

    ``gained``, ``lost``: questions that only the child, only the parent answers right. ``se``: standard error
    of the mean paired difference, sqrt((g + l)/n - ((g - l)/n)^2) / sqrt(n) (McNemar's setting).
    """

    n: int
    gained: int
    lost: int

    @property
    def mean(self) -> float:
        """Difference of the shares right."""
        return (self.gained - self.lost) / self.n

    @property
    def se(self) -> float:
        """Of ``mean``."""
        return sqrt(max((self.gained + self.lost) / self.n - self.mean**2, 0.0) / self.n)


def gain(child: Sequence[bool], parent: Sequence[bool]) -> Gain:
    """Of two scaffolds that were asked the same, in the same order."""
    pairs = list(zip(child, parent, strict=True))
    return Gain(len(pairs), sum(c > p for c, p in pairs), sum(c < p for c, p in pairs))


def report_gain(bench: Bench, child: Answered, parent: Answered, *, kept: bool) -> None:
    """One ``grade.gain``. ``kept``: the parent's answers are from an earlier grading in this world."""
    found = gain(child.heldout, parent.heldout)
    bench.emit("grade.gain", {
        "parent": sum(parent.heldout) / found.n, "child": sum(child.heldout) / found.n, "gain": found.mean,
        "se": found.se, "n": found.n, "gained": found.gained, "lost": found.lost, "kept": kept,
    })  # fmt: skip
