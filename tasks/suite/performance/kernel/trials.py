"""Runs the submitted kernel and the task's own, in a box each."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from sandbox.box import Box
from sandbox.errors import BoxFault, GradingFault
from sandbox.files import FileSpec
from tasks.npy import vector
from tasks.suite.performance.kernel.environment.loops import Floats
from tasks.suite.performance.kernel.world import Hidden, npz
from tasks.timing import NOISE, Anchor, Step, Turn, begin, gate, step

SECONDS: Final = 30.0
#: How far a result may lie from the right one, times 1 plus its size.
TOLERANCE: Final = 1e-4
#: How many wrong results are held against the right ones of other cases.
_LOOKED_AT: Final = 8
#: Isolated: what a submission left in /task or in its home is not imported before the gate.
_PYTHON: Final = ("python3", "-IB")
_ENVIRONMENT: Final = Path(__file__).with_name("environment")


class Invalid(Exception):
    """The submission gave no valid result; the text is the cause."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One step of the submission on several cases."""

    #: Processor seconds of the whole step.
    cpu: float
    #: How many cases, and for how many of them the result was right.
    calls: int
    right: int
    #: A wrong result was the right one of another case: it was remembered.
    stale: bool


class Trials:
    """The two boxes of a grading, and the fresh inputs that they are given."""

    def __init__(self, hidden: Hidden, submitted: Box, anchors: Box) -> None:
        self._hidden, self._submitted, self._anchors = hidden, submitted, anchors
        self._random = np.random.default_rng(hidden.seed)
        #: Processor seconds that importing the kernel took, the last time.
        self.imported = 0.0

    async def begin_anchors(self) -> None:
        """Starts the task's own kernels in their box: they never share one with the submission."""
        kernel = self._hidden.kernel
        await self._anchors.put("/task", [
            _program("anchors.py"), gate(), FileSpec("start/kernel.py", kernel.start.encode()),
            FileSpec("reference/kernel.py", kernel.reference.encode()),
        ])  # fmt: skip
        calls = str(self._hidden.knobs.start_calls)
        try:
            await begin(self._anchors, [*_PYTHON, "/task/anchors.py", calls], cwd="/task", timeout=SECONDS)
            await step(self._anchors, timeout=SECONDS)
        except (TimeoutError, BoxFault) as error:
            raise GradingFault(f"the task's own kernels do not run: {error}") from error

    async def anchor(self) -> Anchor:
        """Times the start and the reference.

        Raises:
            GradingFault: they do not run, which is no submission's doing.
        """
        inputs = self._hidden.kernel.inputs(self._random, self._hidden.knobs.reference_calls)
        try:
            await self._anchors.put("/task", [FileSpec("in.npz", npz(**inputs))])
            taken = await step(self._anchors, timeout=SECONDS)
            told = json.loads((await self._anchors.read("/task", ["told.json"])).files.get("told.json", b""))
        except (TimeoutError, BoxFault, ValueError) as error:
            raise GradingFault(f"the task's own kernels do not run: {error}") from error
        return Anchor(told["start"], told["reference"], taken.cpu - told["calls"])

    async def begin(self) -> None:
        """Ends what of the submission is running and starts it anew.

        Raises:
            Invalid: its kernel cannot be imported.
        """
        await self._submitted.kill_all()
        # What the submission has written there meanwhile is written over.
        await self._submitted.put("/task", [_program("driver.py"), gate()])
        await begin(self._submitted, [*_PYTHON, "/task/driver.py"], cwd="/task", timeout=SECONDS)
        self.imported = (await self._step()).cpu

    def charged(self, turns: Sequence[Turn]) -> list[Turn]:
        """``turns`` with their share, by calls, of what importing the kernel took."""
        share = max(self.imported - NOISE, 0.0) / sum(turn.calls for turn in turns)
        return [replace(turn, cpu=turn.cpu + share * turn.calls) for turn in turns]

    async def public(self) -> Trial:
        """A step on the public cases."""
        return await self._trial(self._hidden.public, self._hidden.right)

    async def fresh(self, calls: int) -> Trial:
        """A step on cases that nobody saw before."""
        inputs = self._hidden.kernel.inputs(self._random, calls)
        return await self._trial(inputs, self._hidden.kernel.expected(inputs))

    async def _trial(self, inputs: Mapping[str, Floats], expected: Floats) -> Trial:
        await self._submitted.put("/task", [FileSpec("in.npz", npz(**inputs)), FileSpec("out.npy", b"")])
        taken = await self._step()
        data = (await self._submitted.read("/task", ["out.npy"])).files.get("out.npy", b"")
        found = vector(data, expected.size, "results").reshape(expected.shape)
        good = right(found, expected)
        return Trial(taken.cpu, len(expected), int(good.sum()), stale(found[~good], expected))

    async def _step(self) -> Step:
        try:
            taken = await step(self._submitted, timeout=SECONDS)
        except TimeoutError as error:
            raise Invalid("kernel_timeout") from error
        if not taken.well:
            raise Invalid("kernel_failed")
        return taken


def right(found: Floats, expected: Floats) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """For each row of ``found`` whether it is that of ``expected``, to ``TOLERANCE``."""
    near = np.abs(found - expected) <= TOLERANCE * (1 + np.abs(expected))
    return np.asarray(near.all(axis=-1))


def stale(wrong: Floats, expected: Floats) -> bool:
    """Whether one of the first wrong results is what another case would have given."""
    return any(bool(right(result, expected).any()) for result in wrong[:_LOOKED_AT])


def _program(name: str) -> FileSpec:
    return FileSpec(name, (_ENVIRONMENT / name).read_bytes())
