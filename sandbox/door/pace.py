"""How much of a shared event loop one box may take up."""

import asyncio
import time
from collections.abc import Callable


class Pace:
    """Books estimated seconds of the loop's work, and has whoever books more than its share wait.

    Args:
        share: of the loop's time, above 0 and up to 1.
        burst: seconds by which bookings may run ahead of that share.
        clock: monotonic, in seconds.
    """

    def __init__(self, share: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._share, self._burst, self._clock = share, burst, clock
        #: When all that was booked would be worked off at this share.
        self._done_at = 0.0

    def book(self, seconds: float) -> float:
        """Books work; returns for how many seconds it has to wait."""
        now = self._clock()
        self._done_at = max(self._done_at, now) + seconds / self._share
        return max(0.0, self._done_at - now - self._burst)

    async def take(self, seconds: float) -> None:
        """Books work and waits for it; others have their turn in any case."""
        await asyncio.sleep(self.book(seconds))
