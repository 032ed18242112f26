"""Whether boxes can be had of an engine just now, looked at before an attempt begins."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from sandbox.errors import EngineFault, Mistake

#: Seconds for which an answer of the engine holds.
_SURE_SECONDS: Final = 1.0


class Readiness:
    """Asks an engine at most once a second, once for all who wait.

    An open stream of its events says nothing: a hung engine, or one whose socket is gone, keeps it open.
    """

    def __init__(self, holds: Callable[[], bool], trial: Callable[[], Awaitable[None]]) -> None:
        """
        Args:
            holds: blocks until the engine says whether it has the image; raises ``EngineFault`` where it does
                not answer in time.
            trial: makes a box and destroys it; raises ``EngineFault`` where that fails.
        """
        self._holds, self._trial = holds, trial
        #: Of its own: calls that hang may hold every thread that others share.
        self._thread = ThreadPoolExecutor(1, "engine-answers")
        self._sure_until = 0.0
        self._failed = self._closed = False
        self._looking: asyncio.Task[None] | None = None

    def failed(self) -> None:
        """A box could not be made: until one can, there are none."""
        self._failed, self._sure_until = True, 0.0

    def made(self) -> None:
        """A box was made."""
        self._failed = False

    async def close(self) -> None:
        """Ends the thread, once what it asks is answered."""
        self._closed = True
        await asyncio.to_thread(self._thread.shutdown)

    async def check(self) -> None:
        """Returns if boxes can be had.

        Raises:
            EngineFault: the engine does not answer, or makes no box; or this was closed.
            Mistake: it has the boxes' image no more.
        """
        if self._closed:
            raise EngineFault("no more boxes are given out", "pool")
        if time.monotonic() < self._sure_until:
            return
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
            self._looking.add_done_callback(_seen)
        await asyncio.shield(self._looking)

    async def _look(self) -> None:
        if not await asyncio.get_running_loop().run_in_executor(self._thread, self._holds):
            remedy = "`python -m sandbox.engine.image` makes it again; then the same command resumes"
            raise Mistake("the image of the boxes was removed", where="container engine", remedy=remedy)
        if self._failed:
            await self._trial()
        self._sure_until = time.monotonic() + _SURE_SECONDS


def _seen(look: "asyncio.Task[None]") -> None:
    """Takes note of how a look ended that nobody waits for any more."""
    if not look.cancelled():
        look.exception()
