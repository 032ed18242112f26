"""The task's own start and reference, which run in a box of their own beside what was submitted."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from sandbox.box import Box
from sandbox.errors import BoxFault, GradingFault
from sandbox.files import FileSpec
from tasks.laps import Calls
from tasks.timing import PYTHON, begin, cpu_seconds, program, step

#: Seconds that a step of theirs may take: they go on for as long as one of the submission.
SECONDS: Final = 240.0


@dataclass(slots=True)
class Beside:
    """What the anchors did beside a step; known once that has ended."""

    start: list[Calls] = field(default_factory=list)
    reference: list[Calls] = field(default_factory=list)


class Anchors:
    """Both of them in their box."""

    def __init__(self, box: Box, name: str, start: str, reference: str) -> None:
        """``name``: what their function is called; ``start`` and ``reference``: their program texts."""
        self._box, self._name = box, name
        self._files = [
            *program("anchors.py"), FileSpec(f"start/{name}.py", start.encode()),
            FileSpec(f"reference/{name}.py", reference.encode()),
        ]  # fmt: skip
        #: The processor that they keep to.
        self.processor = 0

    async def begin(self, inputs: bytes, size: int) -> Beside:
        """Starts them, and has each called once on ``inputs``, cases whose results have ``size`` entries."""
        with _own():
            await self._box.put("/task", self._files)
            argv = [*PYTHON, "/task/anchors.py", self._name, str(size)]
            await begin(self._box, argv, cwd="/task", timeout=SECONDS)
            await step(self._box, timeout=SECONDS)
            self.processor = int(await self._told())
        await self.overhead(inputs)
        beside = Beside()
        async with self.running(beside):
            pass
        return beside

    async def overhead(self, inputs: bytes) -> float:
        """Takes ``inputs`` for the steps to come: processor seconds of a step that gets them and makes no calls."""
        with _own():
            before = cpu_seconds(self._box)
            await self._box.put("/task", [FileSpec("in.npz", inputs), FileSpec("still", b"")])
            await step(self._box, timeout=SECONDS)
            await self._box.read("/task", ["out.npy"])
            return cpu_seconds(self._box) - before

    @contextlib.asynccontextmanager
    async def running(self, beside: Beside) -> AsyncIterator[None]:
        """Calls them meanwhile, over and over and at least once, which is then told in ``beside``.

        Raises:
            GradingFault: they do not run, which is no submission's doing.
        """
        running = asyncio.create_task(step(self._box, timeout=SECONDS))
        try:
            yield
        finally:
            with _own():
                await self._box.put("/task", [FileSpec("stop", b"")])
                await running
        with _own():
            told = await self._told()
            beside.start += [Calls(*some) for some in told["start"]]
            beside.reference += [Calls(*some) for some in told["reference"]]

    async def _told(self) -> Any:
        return json.loads((await self._box.read("/task", ["told.json"])).files["told.json"])


@contextlib.contextmanager
def _own() -> Iterator[None]:
    try:
        yield
    except (TimeoutError, BoxFault, ValueError, LookupError, TypeError) as error:
        raise GradingFault(f"the task's own functions do not run: {error!r}") from error
