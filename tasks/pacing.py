"""Runs a submitted function step by step beside the task's own programs, in a box each."""

import asyncio
import contextlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import log
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from sandbox.box import Box
from sandbox.files import FileSpec
from tasks.anchor import Anchor, Beside
from tasks.grading import Invalid
from tasks.laps import Cost, Lap, rate
from tasks.npy import vector
from tasks.timing import PYTHON, Course, begin, calls_for, cpu_seconds, program, step

#: Processor seconds of importing that do not count: a step, and a file that is read.
_IMPORT: Final = 0.03
#: Share of a step's work that warms, and the most calls that it is made of.
_WARMING: Final = 0.2
_WARMING_CALLS: Final = 5
Floats = npt.NDArray[np.float64]
Truths = npt.NDArray[np.bool_]

#: Seconds that a step may take.
SECONDS: Final = 120.0


class Cases(Protocol):
    """Cases that a function is called on."""

    @property
    def inputs(self) -> Mapping[str, npt.NDArray[Any]]:
        """An array for each argument, in their order; the first axis counts the cases."""
        ...

    @property
    def size(self) -> int:
        """Entries of a result."""
        ...

    def right(self, found: Floats) -> Truths:
        """For each case that is looked at whether its result, a row of ``found``, is right.

        Those are all of them, or some that no submission can tell from the others.
        """
        ...

    def remembered(self, found: Floats) -> bool:
        """Whether a result that is wrong shows that it was not worked out from its case."""
        ...


class Work(Protocol):
    """A function to be made faster."""

    @property
    def name(self) -> str:
        """What the function is called, and the file that it lies in."""
        ...

    @property
    def start(self) -> str:
        """The program text that lies there at the start."""
        ...

    @property
    def reference(self) -> str:
        """The program text of the reference."""
        ...

    def cases(self, random: np.random.Generator, calls: int) -> Cases:
        """So many fresh cases."""
        ...


@dataclass(frozen=True, slots=True)
class Pace:
    """How the steps of a task are sized."""

    #: Processor seconds that the calls of a step should come to, and the fewest and most that it makes.
    work: float
    least: int
    most: int

    def calls(self, seconds: float) -> int:
        """Calls of a step whose calls take ``seconds`` each."""
        return calls_for(seconds, self.work, self.least, self.most)

    def few(self, seconds: float) -> int:
        """Calls of a step that only warms: few, since what took ``seconds`` may have been built in."""
        return calls_for(seconds, self.work * _WARMING, self.least, max(self.least, _WARMING_CALLS))


@dataclass(frozen=True, slots=True)
class Trial:
    """One step of the submission on several cases."""

    cost: Cost
    #: Cases whose results were looked at, and for how many of them it was right.
    looked: int
    right: int
    #: A wrong result was not worked out from its case.
    remembered: bool

    @property
    def whole(self) -> bool:
        """All results that were looked at were right."""
        return self.right == self.looked


class Trials:
    """The three boxes of a grading, and the fresh cases that they are given."""

    def __init__(self, work: Work, seed: bytes, submitted: Box, start: Box, reference: Box) -> None:
        self._work, self._box = work, submitted
        self._anchors = Anchor(start, work.name, work.start), Anchor(reference, work.name, work.reference)
        #: The processor that all three keep to.
        self._processor: int | None = None
        self._random = np.random.default_rng(int.from_bytes(seed))
        #: Processor seconds that the submission's box had used when its last step was over.
        self._used = 0.0
        #: Processor seconds of its import that count.
        self._owed = 0.0

    async def begin(self, size: int) -> None:
        """Starts the task's own start and reference, for results of ``size`` entries.

        Raises:
            GradingFault: they do not run, which is no submission's doing.
        """
        for anchor in self._anchors:
            self._processor = await anchor.begin(size, self._processor)

    async def alone(self, public: Cases) -> float:
        """Logarithm of how much faster the reference is than the start, with no submission beside them.

        Raises:
            GradingFault: they do not run.
        """
        await _put(self._anchors, given(public))
        await _stop(self._anchors)
        start, reference = await asyncio.gather(*(anchor.step() for anchor in self._anchors))
        return log(rate(reference.calls) / rate(start.calls))

    async def shown(self, public: Cases) -> Trial:
        """A step on the cases that the agent was given, in a process that ends then.

        Raises:
            Invalid, Unreadable: the submission does not run, or gives no results.
        """
        await self._box.put("/task", program("driver.py"))
        argv = [*PYTHON, "/task/driver.py", self._work.name, str(self._processor)]
        await begin(self._box, argv, cwd="/task", timeout=SECONDS)
        await self._import()
        return (await self._on(public))[0]

    async def warm(self, calls: int) -> Trial:
        """A first step, on cases that nobody saw before, of the process that all others run in.

        Raises:
            Invalid, Unreadable: the submission does not run, or gives no results.
        """
        self._owed = max(await self._import() - _IMPORT, 0.0)
        return (await self._on(self._work.cases(self._random, calls)))[0]

    async def lap(self, calls: int) -> tuple[Trial, Lap]:
        """A step on cases that nobody saw before, the anchors beside. All that its box used since the one before counts.

        Raises:
            Invalid, Unreadable: the submission does not run, or gives no results.
            GradingFault: the anchors do not run, which is no submission's doing.
        """
        course = Course()
        trial, (start, reference) = await self._on(self._work.cases(self._random, calls), course)
        return trial, Lap(trial.cost, rate(start.calls, course), rate(reference.calls, course))

    def charged(self, laps: Sequence[Lap]) -> list[Lap]:
        """``laps`` with their share, by calls, of what the import took beyond reading a file."""
        share = self._owed / sum(lap.cost.calls for lap in laps)
        costs = [replace(lap.cost, cpu=lap.cost.cpu + share * lap.cost.calls) for lap in laps]
        return [replace(lap, cost=cost) for lap, cost in zip(laps, costs, strict=True)]

    async def _import(self) -> float:
        """Processor seconds of importing."""
        before = cpu_seconds(self._box)
        await self._step()
        self._used = cpu_seconds(self._box)
        return self._used - before

    async def _on(self, cases: Cases, course: Course | None = None) -> tuple[Trial, Sequence[Beside]]:
        """A step, and what the anchors did beside it: nothing, if its ``course`` is not followed."""
        calls, file = len(next(iter(cases.inputs.values()))), given(cases)
        # What a step costs besides its calls is the reference's to say: without calls, the start need not do one.
        anchors = self._anchors if course is not None else self._anchors[-1:]
        await _put(anchors, file)
        await self._box.put("/task", [file])
        if course is None:
            await _stop(anchors, idle=True)
        steps = [asyncio.create_task(anchor.step()) for anchor in anchors]
        try:
            # Put by itself, as what stops an anchor is.
            await self._box.put("/task", [FileSpec("out.npy", b"")])
            async with contextlib.nullcontext() if course is None else course.following(self._box):
                await self._step()
        finally:
            if course is not None:
                await _stop(anchors)
            beside = await asyncio.gather(*steps)
        data = (await self._box.read("/task", ["out.npy"])).files.get("out.npy", b"")
        found = vector(data, calls * cases.size, "results").reshape(calls, cases.size)
        before, self._used = self._used, cpu_seconds(self._box)
        truths = cases.right(found)
        looked, right = len(truths), int(truths.sum())
        # The reference's calls are short: its step ends soon after the submission's, as long as the start's may go on.
        cost = Cost(self._used - before, beside[-1].overhead, calls)
        return Trial(cost, looked, right, right < looked and cases.remembered(found)), beside

    async def _step(self) -> None:
        try:
            well = await step(self._box, timeout=SECONDS)
        except TimeoutError as error:
            raise Invalid("submission_timeout") from error
        if not well:
            raise Invalid("submission_failed")


async def _put(anchors: Sequence[Anchor], file: FileSpec) -> None:
    for anchor in anchors:
        await anchor.put(file)


async def _stop(anchors: Sequence[Anchor], *, idle: bool = False) -> None:
    await asyncio.gather(*(anchor.stop(idle=idle) for anchor in anchors))


def given(cases: Cases) -> FileSpec:
    """The file of a step's inputs, as ``environment/cases.py`` reads it."""
    file = io.BytesIO()
    for values in cases.inputs.values():
        np.save(file, values, allow_pickle=False)
    return FileSpec("in.npy", file.getvalue())


def npz(**arrays: Any) -> bytes:
    """The bytes of an npz file; the same arrays give the same bytes."""
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()
