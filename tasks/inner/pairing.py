"""Compares a child scaffold with the parent that it was made from, on the same questions."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import sqrt
from typing import Final, Protocol

from sandbox.box import Box
from sandbox.canonical import digest
from sandbox.errors import BoxFault, GradingFault
from sandbox.files import FileSpec, manifest_of
from sandbox.service import Service
from tasks.evidence import report_gap
from tasks.grading import Bench, Invalid
from tasks.inner.answering import Split, rights
from tasks.laying import lay_out


class Solver(Service, Protocol):
    """A weak solver behind the door."""

    def refill(self) -> None:
        """Grants every question its calls anew."""
        ...

    def asked(self, split: str) -> frozenset[str]:
        """What it was asked since then."""
        ...


@dataclass(frozen=True, slots=True)
class Answered:
    """What a scaffold got right of each split, and what of the held-out one it asked the solver about."""

    heldout: tuple[bool, ...]
    development: tuple[bool, ...]
    asked: frozenset[str]

    @property
    def share(self) -> float:
        """Held-out accuracy."""
        return sum(self.heldout) / len(self.heldout)


@dataclass(slots=True)
class Kept:
    """The newest ``most`` parents that this process has graded, by world and scaffold.

    A key names all that a parent's answers depend on, so that none is ever stale; every child of a world is
    then compared with the same answers of its parent.
    """

    most: int = 256
    _held: OrderedDict[str, Answered] = field(default_factory=OrderedDict)

    def key(self, world: bytes, splits: Sequence[Split], scaffold: Sequence[FileSpec]) -> str:
        """The key of the parent with the files ``scaffold`` in a ``world``, known by what no two worlds share,
        in which ``splits`` are asked."""
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


#: Parents that this process has run.
PARENTS: Final = Kept()


@dataclass(frozen=True, slots=True)
class Examination:
    """What a scaffold is asked in the grading of one world.

    ``key``: what no two worlds share, under which a parent's answers are kept; None: it is run each time.
    ``seconds``: what its tool gets for a split.
    """

    service: Solver
    heldout: Split
    development: Split
    seconds: float
    key: bytes | None

    async def child(self, box: Box) -> Answered:
        """What the scaffold in /agent gets right.

        Raises:
            Invalid: it does not answer as the task says.
        """
        self.service.refill()
        right = await rights(box, self.heldout, self.seconds)
        asked = self.service.asked(self.heldout.name)
        self.service.refill()
        return Answered(right, await rights(box, self.development, self.seconds), asked)

    async def parent(self, box: Box, files: Sequence[FileSpec]) -> tuple[Answered, bool]:
        """What the scaffold ``files`` gets right that the episode began with, and whether that was kept.

        Raises:
            GradingFault: it does not answer.
        """
        splits = (self.heldout, self.development)
        key = None if self.key is None else PARENTS.key(self.key, splits, files)
        if key is not None and (kept := PARENTS.get(key)) is not None:
            return kept, True
        try:
            await lay_out(box, files)
            answered = await self.child(box)
        except (Invalid, BoxFault) as error:
            raise GradingFault(f"the scaffold at the start gave no answers: {error}") from error
        if key is not None:
            PARENTS.put(key, answered)
        return answered, False


def report(bench: Bench, child: Answered, parent: Answered, *, kept: bool) -> None:
    """One ``grade.gain`` and one ``grade.development``. ``kept``: the parent was run in an earlier grading."""
    found = gain(child.heldout, parent.heldout)
    bench.emit("grade.gain", {
        "parent": parent.share, "child": child.share, "gain": found.mean, "se": found.se, "n": found.n,
        "gained": found.gained, "lost": found.lost, "kept": kept,
    })  # fmt: skip
    public, hidden = ((sum(right), len(right)) for right in (child.development, child.heldout))
    start = sum(parent.development) / len(parent.development)
    report_gap(bench, public, hidden, "accuracy", start_development=start)
