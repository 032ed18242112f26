"""The optional kernel sensor: calls for more rights that were refused to one box, by the engine's filter too."""

import asyncio
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final

from sandbox.box import Seen
from sandbox.sensors.refusals import Box, Canary, Refusal
from sandbox.sensors.tracing import Trace

#: Events of one box; more are counted as lost.
MAX_EVENTS: Final = 2_000
#: Seconds in which the canary must come back.
CANARY_SECONDS: Final = 5.0
#: Each processor has a buffer of its own, so that what came right before a canary may be read right after it.
_BEHIND_SECONDS: Final = 0.01


class KernelSensor:
    """One box's refused calls. Made before its runner says hello, closed with the box."""

    def __init__(self, pid: int, trace: Trace, give: Callable[[list[Seen]], None]) -> None:
        """
        Args:
            pid: the box's process 1 on this host.
            trace: tells of all boxes.
            give: gets, on the running event loop, what was seen and that nobody took before.
        """
        self._loop = asyncio.get_running_loop()
        self._trace, self._give = trace, give
        self._found: deque[Seen] = deque()
        self._told = 0
        self._proved = False
        self._canaries = asyncio.Semaphore(0)
        #: Reports that never came, or found no room.
        self.lost = 0
        #: Why it sees nothing; None while it does.
        self.absent = trace.absent
        try:
            self._box: Box | None = whose(pid)
        except OSError as error:
            self._box, self.absent = None, f"{error.filename}: {error.strerror}"
        if self._box is not None and self.absent is None:
            trace.watch(self._box, self._told_by_trace)

    async def prove(self) -> None:
        """Waits for what process 1 called before it said hello."""
        if self.absent is None and not await self._sung():
            self.absent = "its canary was not seen"
        # What a box did before it had an agent was the engine's doing.
        self.take()
        self._told, self.lost, self._proved = 0, 0, True

    async def settle(self) -> None:
        """Returns once all is here that came before process 1 ended the agent's processes."""
        if self.absent is not None:
            return
        if await self._sung():
            await asyncio.sleep(_BEHIND_SECONDS)
        else:
            self.lost += 1

    def take(self) -> list[Seen]:
        """What was seen and not taken yet, in order."""
        return [self._found.popleft() for _ in range(len(self._found))]

    def close(self) -> None:
        """Lets go of the box."""
        if self._box is not None:
            self._trace.forget(self._box)

    async def _sung(self) -> bool:
        try:
            async with asyncio.timeout(CANARY_SECONDS):
                await self._canaries.acquire()
        except TimeoutError:
            return False
        return True

    def _told_by_trace(self, told: Refusal | Canary | int) -> None:
        self._loop.call_soon_threadsafe(self._take, told)

    def _take(self, told: Refusal | Canary | int) -> None:
        if isinstance(told, int):
            self.lost += told
        elif isinstance(told, Canary):
            self._canaries.release()
        elif self._told >= MAX_EVENTS:
            self.lost += 1
        else:
            self._told += 1
            self._found.append(_seen(told))
            if self._proved:
                self._give(self.take())


def whose(pid: int) -> Box:
    """The box whose process 1 is ``pid`` on this host.

    Raises:
        OSError: it is gone.
    """
    process = Path("/proc", str(pid))
    # The name, in brackets, may hold anything; 19 fields behind it is when the process began.
    fields = (process / "stat").read_text().rpartition(")")[2].split()
    return Box((process / "ns/pid").stat().st_ino, int(fields[19]))


def _seen(refusal: Refusal) -> Seen:
    return Seen("privilege.refused", {
        "call": refusal.call, "error": refusal.error, "argument": refusal.argument, "pid": refusal.pid,
        "count": refusal.count,
    })  # fmt: skip
