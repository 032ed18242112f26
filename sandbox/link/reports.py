"""What a runner reported and nobody has taken yet."""

import asyncio
from collections import Counter, deque
from typing import Final

from sandbox.box import Seen
from sandbox.vocabulary import KINDS

#: Reports, and bytes of them as they were sent, that wait at most.
MOST: Final = 20_000
MOST_BYTES: Final = 8 * 2**20
#: Reports after which others on the same loop have their turn.
_IN_A_ROW: Final = 64


class Reports:
    """A queue that a flood neither fills nor breaks: what finds no room is counted."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[Seen, int]] = deque()
        self._size = 0
        self._given = 0
        self._ended = False
        self._news = asyncio.Event()
        #: Sensor → its reports that found no room.
        self.dropped: Counter[str] = Counter()

    def put(self, seen: Seen, size: int) -> None:
        """Takes a report that came as ``size`` bytes."""
        if len(self._waiting) >= MOST or self._size + size > MOST_BYTES:
            self.dropped[KINDS[seen.kind].sensor or seen.kind] += 1
            return
        self._waiting.append((seen, size))
        self._size += size
        self._news.set()

    def end(self) -> None:
        """No more will come."""
        self._ended = True
        self._news.set()

    async def next(self) -> Seen | None:
        """The oldest report, once there is one; None after the last."""
        self._given += 1
        if self._given % _IN_A_ROW == 0:
            await asyncio.sleep(0)
        while not self._waiting:
            if self._ended:
                return None
            self._news.clear()
            await self._news.wait()
        return self._pop()

    def drain(self) -> list[Seen]:
        """All that wait."""
        return [self._pop() for _ in range(len(self._waiting))]

    def _pop(self) -> Seen:
        seen, size = self._waiting.popleft()
        self._size -= size
        return seen
