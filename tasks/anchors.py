"""The task's own start and reference (the anchors), which run in a box of their own beside what was submitted."""

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

#: Seconds that a step of them may take: they go on for as long as one of the submission.
SECONDS: Final = 240.0


@dataclass(frozen=True, slots=True)
class Beside:
    """What the anchors did in a step."""

    start: Sequence[Calls]
    reference: Sequence[Calls]
    #: Processor seconds of a step but for the calls.
    overhead: float


class Anchors:
    """They in their box. Every method raises GradingFault if they do not run, which is no submission's doing."""

    def __init__(self, box: Box, name: str, start: str, reference: str) -> None:
        """``name``: what the function is called; ``start``, ``reference``: the two programs."""
        self._box, self._name = box, name
        texts = {"start": start, "reference": reference}
        own = [FileSpec(f"anchors/{which}.py", text.encode()) for which, text in texts.items()]
        self._files = [*program("anchors.py"), *own, FileSpec("stop", b"")]
        #: Processor seconds that the box had used when the last step was over.
        self._used = 0.0

    async def begin(self, size: int) -> int:
        """Starts them.

        Args:
            size: entries of a result.

        Returns:
            The processor that they keep to.
        """
        with _own():
            await self._box.put("/task", self._files)
            argv = [*PYTHON, "/task/anchors.py", self._name, str(size)]
            processor = int(await begin(self._box, argv, cwd="/task", timeout=SECONDS))
            self._used = cpu_seconds(self._box)
        return processor

    async def put(self, file: FileSpec) -> None:
        """Gets the inputs of the next step."""
        with _own():
            await self._box.put("/task", [file])

    async def step(self) -> Beside:
        """Does a step, in which each calls its function at least once and until stopped, if it is not to be idle."""
        with _own():
            if not await step(self._box, timeout=SECONDS):
                raise ValueError("a step failed")
            told = await self._told()
            before, self._used = self._used, cpu_seconds(self._box)
            start, reference = ([Calls(*some) for some in calls] for calls in told["calls"])
            return Beside(start, reference, self._used - before - told["cpu"])

    async def stop(self, *, idle: bool = False) -> None:
        """Stops the step that they do, or else the next one, after a call; ``idle``: before any."""
        with _own():
            await self._box.put("/task", [FileSpec("stop", b"idle" if idle else b"1")])

    async def _told(self) -> Any:
        """What they say after their results, all of whose bytes are 0 at the end."""
        data = (await self._box.read("/task", ["out.npy"])).files["out.npy"]
        return json.loads(data[data.rindex(0) + 1 :])


@contextlib.contextmanager
def _own() -> Iterator[None]:
    try:
        yield
    except (TimeoutError, BoxFault, ValueError, LookupError, TypeError) as error:
        raise GradingFault(f"the task's own functions do not run: {error!r}") from error
