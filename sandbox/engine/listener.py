"""One stream of a container engine's events, in a thread of its own, found again after it broke."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final, Self

from sandbox.errors import EngineFault
from sandbox.fate import EngineEvent, Fate

#: Seconds between two tries to find the stream again.
_PAUSE: Final = 0.5


@dataclass(frozen=True, slots=True)
class Told:
    """An event of one container; ``at`` in nanoseconds since 1970."""

    container: str
    at: int
    event: EngineEvent

    @classmethod
    def of(cls, item: dict[str, Any]) -> Self:
        """One event, in the engine's own words."""
        attributes = item["Actor"]["Attributes"]

        def number(name: str) -> int | None:
            return int(attributes[name]) if str(attributes.get(name, "")).isdigit() else None

        event = EngineEvent(item["Action"], number("exitCode"), number("signal"))
        return cls(item["Actor"]["ID"], item["timeNano"], event)


#: Events since a time in nanoseconds, as they come, until the engine goes away.
Stream = Callable[[int], Iterator[Told]]


class EngineListener:
    """Tells each open box what the engine says of its container."""

    def __init__(self, stream: Stream) -> None:
        """
        Args:
            stream: opens the engine's stream; it ends, or raises ``EngineFault``, when the engine goes
                away.
        """
        self._stream = stream
        self._lock = threading.Lock()
        self._followed: dict[str, tuple[asyncio.AbstractEventLoop, Fate]] = {}
        self._thread: threading.Thread | None = None
        #: What was told up to here is not told again by a stream that is opened anew.
        self._until = 0

    @contextmanager
    def following(self, container: str) -> Iterator[Fate]:
        """The fate of a container that was created and not yet started."""
        fate = Fate()
        with self._lock:
            self._followed[container] = (asyncio.get_running_loop(), fate)
            if self._thread is None:
                self._until = time.time_ns()
                self._thread = threading.Thread(target=self._listen, name="engine-events", daemon=True)
                self._thread.start()
        try:
            yield fate
        finally:
            with self._lock:
                del self._followed[container]

    def _listen(self) -> None:
        while True:
            # A stream ends, or does not begin, only where the engine is away.
            with suppress(EngineFault):
                for told in self._stream(self._until):
                    if told.at > self._until:
                        self._until = told.at
                        self._tell(told.container, told.event)
            self._tell_all_away()
            time.sleep(_PAUSE)

    def _tell(self, container: str, event: EngineEvent) -> None:
        with self._lock:
            followed = self._followed.get(container)
            if followed is not None:
                loop, fate = followed
                loop.call_soon_threadsafe(fate.tell, event)

    def _tell_all_away(self) -> None:
        with self._lock:
            for loop, fate in self._followed.values():
                loop.call_soon_threadsafe(fate.tell_away)
