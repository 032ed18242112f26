"""How many boxes a host starts at a time: more while each is quick, fewer when all become slow."""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncIterator
from typing import Final

#: A start that takes so many times the quickest says that there are too many.
_SLOW: Final = 4.0
#: What the limit is multiplied by then.
_BACK: Final = 0.7
#: The quickest start is forgotten at this rate, so that a host which became slower is not held to it.
_FORGET: Final = 1.02
#: Times the first limit that it may grow to.
_MOST: Final = 4


class StartGate:
    """Lets starts through, first come first served.

    Additive increase, multiplicative decrease (Jacobson 1988, "Congestion avoidance and control") on the
    time that a start takes.
    """

    def __init__(self, least: int) -> None:
        """``least``: starts that are let through at a time however slow they are."""
        self._least = least
        self._limit = float(least)
        self._running = 0
        self._quickest: float | None = None
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def limit(self) -> int:
        """Starts that are let through at a time, as of now."""
        return int(self._limit)

    @contextlib.asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Waits for a place and holds it; one that is left without an error tells how long a start takes."""
        await self._enter()
        began = time.monotonic()
        try:
            yield
            self.learn(time.monotonic() - began)
        finally:
            self._running -= 1
            self._admit()

    def learn(self, seconds: float) -> None:
        """Takes the time of one start into account."""
        forgotten = seconds if self._quickest is None else self._quickest * _FORGET
        self._quickest = min(seconds, forgotten)
        if seconds > _SLOW * self._quickest:
            self._limit = max(float(self._least), self._limit * _BACK)
        else:
            self._limit = min(float(_MOST * self._least), self._limit + 1 / self._limit)

    async def _enter(self) -> None:
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        self._admit()
        try:
            await place
        except asyncio.CancelledError:
            if not place.cancelled():
                self._running -= 1
            self._admit()
            raise

    def _admit(self) -> None:
        while self._waiting and self._running < self.limit:
            place = self._waiting.popleft()
            if not place.cancelled():
                self._running += 1
                place.set_result(None)
