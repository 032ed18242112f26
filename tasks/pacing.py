"""Runs a submitted function and the task's own two, in a box each, step by step."""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from sandbox.box import Box
from sandbox.errors import BoxFault, GradingFault
from sandbox.files import FileSpec
from tasks.grading import Invalid
from tasks.npy import vector
from tasks.timing import NOISE, Anchor, Step, Turn, begin, calls_for, cpu_seconds, gate, step

Floats = npt.NDArray[np.float64]
Truths = npt.NDArray[np.bool_]

#: Seconds that a step may take.
SECONDS: Final = 60.0
#: Isolated: what a submission left in /task or in its home is not imported before the gate.
_PYTHON: Final = ("python3", "-IB")
#: Processor seconds that handing a step its inputs takes at most.
_HANDING: Final = 0.02
_ENVIRONMENT: Final = Path(__file__).with_name("environment")


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
        """For each case whether its result, a row of ``found``, is right."""
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
    #: Calls of the start and of the reference in a step of the anchors.
    start_calls: int
    reference_calls: int

    def calls(self, seconds: float) -> int:
        """Calls of a step whose calls take ``seconds`` each."""
        return calls_for(seconds, self.work, self.least, self.most)


@dataclass(frozen=True, slots=True)
class Trial:
    """One step of the submission on several cases."""

    #: Processor seconds of the whole step.
    cpu: float
    #: How many cases, and for how many of them the result was right.
    calls: int
    right: int
    #: A wrong result was not worked out from its case.
    remembered: bool


class Trials:
    """The two boxes of a grading, and the fresh cases that they are given."""

    def __init__(self, work: Work, pace: Pace, seed: bytes, submitted: Box, anchors: Box) -> None:
        self._work, self._pace = work, pace
        self._submitted, self._anchors = submitted, anchors
        self._random = np.random.default_rng(int.from_bytes(seed))
        #: Processor seconds of the submission's box when it was begun, and those of its steps on cases.
        self._begun = self._stepped = 0.0

    async def begin_anchors(self) -> None:
        """Starts the task's own functions in their box: they never share one with the submission."""
        name = self._work.name
        await self._anchors.put("/task", [
            _program("anchors.py"), gate(), FileSpec(f"start/{name}.py", self._work.start.encode()),
            FileSpec(f"reference/{name}.py", self._work.reference.encode()),
        ])  # fmt: skip
        argv = [*_PYTHON, "/task/anchors.py", name, str(self._pace.start_calls)]
        try:
            await begin(self._anchors, argv, cwd="/task", timeout=SECONDS)
            await step(self._anchors, timeout=SECONDS)
        except (TimeoutError, BoxFault) as error:
            raise GradingFault(f"the task's own functions do not run: {error}") from error

    async def anchor(self) -> Anchor:
        """Times the start and the reference.

        Raises:
            GradingFault: they do not run, which is no submission's doing.
        """
        cases = self._work.cases(self._random, self._pace.reference_calls)
        try:
            await self._anchors.put("/task", [FileSpec("in.npz", npz(**cases.inputs))])
            taken = await step(self._anchors, timeout=SECONDS)
            told = json.loads((await self._anchors.read("/task", ["told.json"])).files.get("told.json", b""))
        except (TimeoutError, BoxFault, ValueError) as error:
            raise GradingFault(f"the task's own functions do not run: {error}") from error
        return Anchor(told["start"], told["reference"], taken.cpu - told["calls"])

    async def begin(self) -> None:
        """Ends what of the submission is running and starts it anew.

        Raises:
            Invalid: its function cannot be imported.
        """
        await self._submitted.kill_all()
        # What the submission has written there meanwhile is written over.
        await self._submitted.put("/task", [_program("driver.py"), gate()])
        argv = [*_PYTHON, "/task/driver.py", self._work.name]
        await begin(self._submitted, argv, cwd="/task", timeout=SECONDS)
        self._begun, self._stepped = cpu_seconds(self._submitted), 0.0
        await self._step()

    def charged(self, turns: Sequence[Turn]) -> list[Turn]:
        """``turns`` with their share, by calls, of all that went on besides: the import, helpers between steps."""
        besides = cpu_seconds(self._submitted) - self._begun - self._stepped
        share = max(besides - NOISE - _HANDING * len(turns), 0.0) / sum(turn.calls for turn in turns)
        return [replace(turn, cpu=turn.cpu + share * turn.calls) for turn in turns]

    async def fresh(self, calls: int) -> Trial:
        """A step on cases that nobody saw before."""
        return await self.on(self._work.cases(self._random, calls))

    async def on(self, cases: Cases) -> Trial:
        """A step on given cases.

        Raises:
            Invalid, Unreadable: the submission does not run, or gives no results.
        """
        calls = len(next(iter(cases.inputs.values())))
        await self._submitted.put(
            "/task", [FileSpec("in.npz", npz(**cases.inputs)), FileSpec("out.npy", b"")]
        )
        taken = await self._step()
        self._stepped += taken.cpu
        data = (await self._submitted.read("/task", ["out.npy"])).files.get("out.npy", b"")
        found = vector(data, calls * cases.size, "results").reshape(calls, cases.size)
        right = int(cases.right(found).sum())
        return Trial(taken.cpu, calls, right, right < calls and cases.remembered(found))

    async def _step(self) -> Step:
        try:
            taken = await step(self._submitted, timeout=SECONDS)
        except TimeoutError as error:
            raise Invalid("submission_timeout") from error
        if not taken.well:
            raise Invalid("submission_failed")
        return taken


def npz(**arrays: Any) -> bytes:
    """The bytes of an npz file; the same arrays give the same bytes."""
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def _program(name: str) -> FileSpec:
    return FileSpec(name, (_ENVIRONMENT / name).read_bytes())
