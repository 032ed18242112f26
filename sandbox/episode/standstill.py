"""Whether this process kept up: the evidence for not blaming a box for a standstill of ours."""

import asyncio
import contextlib
import math
import time
from collections.abc import Callable
from typing import Final, Self

#: Seconds in one stretch that count. What a box can make this process do takes less: what comes out of it is bounded,
#: and whoever takes it lets others have their turn. Only monitors cannot, and their time is not counted.
STANDSTILL_SECONDS: Final = 10.0
_TICK_SECONDS: Final = 1.0


class LoopClock:
    """Watches the running event loop while it is entered."""

    def __init__(self, own: Callable[[], float]) -> None:
        """``own``: seconds that looking at the attempt itself took of the loop so far; they are no standstill."""
        self._own = own
        #: Of these, those before the tick that is due.
        self._before = 0.0
        self._worst = 0.0
        #: When the next tick is due; never, while nothing is watched.
        self._due = math.inf

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._tick())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._look()
        self._due = math.inf
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    @property
    def stood_still(self) -> float | None:
        """The longest standstill in seconds, if it counts. Also right before the loop's next tick."""
        self._look()
        return self._worst if self._worst >= STANDSTILL_SECONDS else None

    def _look(self) -> None:
        self._worst = max(self._worst, time.monotonic() - self._due - (self._own() - self._before))

    async def _tick(self) -> None:
        while True:
            self._due, self._before = time.monotonic() + _TICK_SECONDS, self._own()
            await asyncio.sleep(_TICK_SECONDS)
            self._look()
