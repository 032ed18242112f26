"""Whose fault an ending is. Only evidence of the host's own makes it the host's: nobody buys a second attempt."""

from collections.abc import Coroutine
from typing import Any

from sandbox.box import Box
from sandbox.episode.recording import FATE_SECONDS
from sandbox.errors import BoxDied, BoxFault, HostFault
from sandbox.recorder import Ending, Recorder


class Blame:
    """Turns what went wrong with one attempt's box into its ending, and records what the engine said of it."""

    def __init__(self, recorder: Recorder, ending: Ending) -> None:
        self._recorder = recorder
        self._ending = ending
        #: Events of the box's fate that are recorded.
        self._told = 0

    async def judged(self, box: Box, part: Coroutine[Any, Any, None]) -> None:
        """Runs a part of the attempt; what it raises becomes an ending."""
        try:
            await part
        except BoxDied as error:
            if not await self.on_host(box):
                self._ending.propose("agent_error", f"box: {error}")
        except BoxFault as error:
            self._ending.propose("agent_error", f"box: {error}")
        except HostFault as error:
            self._ending.propose("infrastructure", f"{error.cause}: {error}")
        except Exception as error:
            self._ending.propose("infrastructure", f"harness: {type(error).__name__}: {error}")

    async def on_host(self, box: Box) -> bool:
        """Whether the engine says that a box that ended was ended from outside; then that is the ending."""
        await box.fate.settled(FATE_SECONDS)
        self._record_fate(box)
        if (evidence := box.fate.host_evidence) is None:
            return False
        self._ending.propose("infrastructure", f"engine: {evidence}")
        return True

    async def follow(self, box: Box) -> None:
        """Records what the engine says of the box, as it says it."""
        while True:
            await box.fate.more(self._told)
            self._record_fate(box)

    def standstill(self, seconds: float | None, uncollected: bool) -> None:
        """What went wrong, ran late or was not collected while this process stood still is not the agent's."""
        ending = self._ending
        late = ending.status == "agent_error" or (ending.status, ending.cause) == ("limit", "wall")
        if seconds is not None and (late or uncollected):
            ending.propose("infrastructure", f"standstill: this process stood still for {seconds:.0f} s")

    def _record_fate(self, box: Box) -> None:
        for data in box.fate.since(self._told):
            self._told += 1
            self._recorder.record("engine", "engine.event", data)
