"""What a submitted program costs, read by the host from its box's cgroup.

A submission can neither bend the clock nor hide work in helpers: all processor time of its box counts.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from typing import Final

import numpy as np

from sandbox.box import Box
from sandbox.errors import BoxDied, GradingFault
from sandbox.files import FileSpec
from tasks import reproduction

#: What a timed program runs with. Memory is kept once it was used: otherwise what ran before in a process decides
#: whether an array costs the time to map it again.
ENVIRONMENT: Final = {
    **reproduction.ENVIRONMENT,
    "MALLOC_MMAP_THRESHOLD_": "33554432", "MALLOC_TRIM_THRESHOLD_": "1073741824",
}  # fmt: skip
#: By how many processor seconds the cost of two equal steps may well differ.
NOISE: Final = 0.003
#: Seconds from one look at a box's counter to the next; the kernel lets a process run for about as long at a time.
LOOK: Final = 0.004
#: So often a box's counters are read at most until its first process did not run meanwhile.
_READINGS: Final = 5
#: Isolated: what a submission left in /task or in its home is not imported before the gate.
PYTHON: Final = ("python3", "-IB")
_OUTPUT: Final = 65_536
_ENVIRONMENT: Final = Path(__file__).with_name("environment")
#: Lets a step go and waits for its end; a program that dies closes its end without a word.
_STEP: Final = ("sh", "-c", "echo > /task/go; read code < /task/done && exit $code; exit 9")


@dataclass(slots=True)
class Course:
    """How a box's processor time grew: when it was looked at (seconds since 1970), and the seconds used by then."""

    times: list[float] = field(default_factory=list)
    used: list[float] = field(default_factory=list)

    @contextlib.asynccontextmanager
    async def following(self, box: Box) -> AsyncIterator[None]:
        """Looks at the box's counter meanwhile, every ``LOOK`` seconds."""
        watching = asyncio.create_task(self._follow(box))
        try:
            yield
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
        self._look(box)

    async def _follow(self, box: Box) -> None:
        while True:
            self._look(box)
            await asyncio.sleep(LOOK)

    def _look(self, box: Box) -> None:
        self.times.append(time.time())
        self.used.append(cpu_seconds(box))

    def between(self, began: float, ended: float) -> float:
        """Processor seconds used meanwhile."""
        first, last = np.interp([began, ended], self.times, self.used)
        return float(last - first)


def program(name: str) -> list[FileSpec]:
    """A timed program of ``environment``, and what it imports."""
    return [FileSpec(file, (_ENVIRONMENT / file).read_bytes()) for file in (name, "gate.py", "cases.py")]


def cpu_seconds(box: Box) -> float:
    """Processor seconds that a box used so far, all processes together but for the first.

    That one looks about in the box the more often the longer a crowded machine makes a step.

    Raises:
        GradingFault: the host cannot read its counter.
        BoxDied: the box ended, which is no reason to grade it anew.
    """
    for _ in range(_READINGS):
        runner, used = box.runner_us(), box.usage().cpu_us
        if box.runner_us() == runner:
            break
    if used is None and box.dead is not None:
        raise BoxDied(box.dead)
    if used is None:
        raise GradingFault("the box's processor time cannot be read", "unmeasurable")
    return (used - (runner or 0)) / 1e6


async def begin(box: Box, argv: Sequence[str], *, cwd: str, timeout: float) -> None:
    """Starts a program that leaves itself behind as ``environment/gate.py`` says.

    Raises:
        TimeoutError: it does not come so far in ``timeout`` seconds.
        GradingFault: it fails, before anything that was submitted has run.
    """
    done = await box.run(argv, cwd=cwd, env=dict(ENVIRONMENT), output=_OUTPUT, timeout=timeout)
    if done.code != 0:
        raise GradingFault(f"a timed program does not start: {done.stderr[-200:].decode(errors='replace')}")


async def step(box: Box, *, timeout: float) -> bool:
    """Lets the program that ``begin`` started do its next step; whether it came to its end.

    Raises:
        TimeoutError: it did not end within ``timeout`` seconds of the host's clock.
    """
    done = await box.run(_STEP, cwd="/", env=dict(ENVIRONMENT), output=_OUTPUT, timeout=timeout)
    return done.code == 0


def calls_for(seconds: float, work: float, least: int, most: int) -> int:
    """How many calls of ``seconds`` make ``work`` seconds, from ``least`` to ``most``."""
    return most if seconds * most <= work else max(least, ceil(work / seconds))
