"""The task's own start or reference, which runs in a box of its own beside what was submitted."""

import contextlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sandbox.box import Box
from sandbox.errors import BoxFault, GradingFault
from sandbox.files import FileSpec
from tasks.laps import Calls
from tasks.timing import PYTHON, begin, cpu_seconds, program, step

#: Seconds that a step of it may take: it goes on for as long as one of the submission.
SECONDS: Final = 240.0


@dataclass(frozen=True, slots=True)
class Beside:
    """What an anchor did beside a step."""

    calls: Sequence[Calls]
    #: Processor seconds of its own step but for the calls.
    overhead: float


class Anchor:
    """It in its box. Every method raises GradingFault if it does not run, which is no submission's doing."""

    def __init__(self, box: Box, name: str, text: str) -> None:
        """``name``: what its function is called; ``text``: its program."""
        self._box, self._name = box, name
        own = FileSpec(f"submission/{name}.py", text.encode()), FileSpec("stop", b"")
        self._files = [*program("anchor.py"), *own]
        #: Processor seconds that its box had used when its last step was over.
        self._used = 0.0

    async def begin(self, size: int, processor: int | None = None) -> int:
        """Starts it.

        Args:
            size: entries of a result.
            processor: that it keeps to; None: any.

        Returns:
            The processor that it keeps to.
        """
        where = [] if processor is None else [str(processor)]
        with _own():
            await self._box.put("/task", self._files)
            argv = [*PYTHON, "/task/anchor.py", self._name, str(size), *where]
            await begin(self._box, argv, cwd="/task", timeout=SECONDS)
            await step(self._box, timeout=SECONDS)
            processor = int(await self._told())
            self._used = cpu_seconds(self._box)
        return processor

    async def put(self, file: FileSpec) -> None:
        """Gets the inputs of its next step."""
        with _own():
            await self._box.put("/task", [file])

    async def step(self) -> Beside:
        """Does a step, in which it calls its function at least once and until it is stopped, if it is not to be idle."""
        with _own():
            await step(self._box, timeout=SECONDS)
            told = await self._told()
            before, self._used = self._used, cpu_seconds(self._box)
            calls = [Calls(*some) for some in told["calls"]]
            return Beside(calls, self._used - before - told["cpu"])

    async def stop(self, *, idle: bool = False) -> None:
        """Stops the step that it does, or else the next one, after a call; ``idle``: before any."""
        with _own():
            await self._box.put("/task", [FileSpec("stop", b"idle" if idle else b"1")])

    async def _told(self) -> Any:
        """What it says after its results, all of whose bytes are 0 at the end."""
        data = (await self._box.read("/task", ["out.npy"])).files["out.npy"]
        return json.loads(data[data.rindex(0) + 1 :])


@contextlib.contextmanager
def _own() -> Iterator[None]:
    try:
        yield
    except (TimeoutError, BoxFault, ValueError, LookupError, TypeError) as error:
        raise GradingFault(f"the task's own functions do not run: {error!r}") from error
