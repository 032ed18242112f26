"""What the container engine says of one box while it lives and when it dies."""

import asyncio
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, Final

#: Ended by a signal that somebody had the engine send. We never do while a box is open.
KILL: Final = "kill"
#: The container's first process ended.
DIE: Final = "die"
#: Nothing of the container is left.
DESTROY: Final = "destroy"
#: The engine stopped answering: what it did to the box meanwhile nobody saw.
AWAY: Final = "away"
#: Why a box's end is not the agent's doing, by what the engine said.
_EVIDENCE: Final = {KILL: "the container was killed from outside", AWAY: "the engine went away"}


@dataclass(frozen=True, slots=True)
class EngineEvent:
    """Something that happened to a container: kill, die, oom or away."""

    action: str
    exit_code: int | None = None
    signal: int | None = None


class Fate:
    """What the engine said of one container, in order. Used on one event loop only."""

    def __init__(self) -> None:
        self._events: list[EngineEvent] = []
        #: Whether the engine said that nothing of it is left.
        self.gone = False
        self._news = asyncio.Event()

    def tell(self, event: EngineEvent) -> None:
        """The engine says something more."""
        if event.action == DESTROY:
            self.gone = True
        else:
            self._events.append(event)
        self._news.set()

    def tell_away(self) -> None:
        """The engine does not answer; said once, however long that lasts."""
        if all(event.action != AWAY for event in self._events):
            self.tell(EngineEvent(AWAY))

    @property
    def host_evidence(self) -> str | None:
        """Why an end of this box is the host's doing; None if nothing speaks for it."""
        said = {event.action for event in self._events}
        return next((why for action, why in _EVIDENCE.items() if action in said), None)

    @property
    def decided(self) -> bool:
        """Whether the engine told the end, or can no longer tell it."""
        return any(event.action in (DIE, AWAY) for event in self._events)

    def since(self, known: int) -> list[dict[str, Any]]:
        """What was said after the first ``known`` events, as data of ``engine.event``."""
        return [asdict(event) for event in self._events[known:]]

    async def more(self, known: int) -> None:
        """Waits until more than ``known`` events were told."""
        while len(self._events) <= known:
            self._news.clear()
            await self._news.wait()

    async def removed(self, seconds: float) -> None:
        """Waits until the container is gone or the engine is away, at most ``seconds``."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not self.gone and all(event.action != AWAY for event in self._events):
                    self._news.clear()
                    await self._news.wait()

    async def settled(self, seconds: float) -> None:
        """Waits until the end is decided, at most ``seconds``: events come a little after the fact."""
        try:
            async with asyncio.timeout(seconds):
                while not self.decided:
                    await self.more(len(self._events))
        except TimeoutError:
            return
