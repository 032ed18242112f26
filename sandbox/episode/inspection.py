"""What of the box is looked at while the agent stands still, and what was missed."""

from collections.abc import Callable

from sandbox.box import Box
from sandbox.episode.guards import Guarding
from sandbox.episode.outcome import EpisodeRequest, Outcome
from sandbox.episode.sensing import Sensing
from sandbox.episode.shadow import CallerSensor
from sandbox.files import Collection
from sandbox.http import Address
from sandbox.recorder import Recorder
from sandbox.scaffold import ROOT, ScaffoldSensor, Version


class Inspection:
    """Looks at the scaffold, at who asks the model, at guarded files and for honeytokens."""

    def __init__(self, request: EpisodeRequest, recorder: Recorder, keep: Callable[[bytes], None]) -> None:
        self._recorder, self._keep = recorder, keep
        self._guarding = Guarding(request.guards, request.honeytokens, recorder)
        #: Looks for honeytokens in bytes that left a program.
        self.look = self._guarding.look
        #: The version of the scaffold in which tokens were looked for last.
        self._looked_at: Version | None = None

    async def begin(self, box: Box) -> None:
        """After the world and the scaffold were laid out."""
        self._scaffold = ScaffoldSensor(box, self._recorder, self._keep)
        self._callers = CallerSensor(box, self._recorder)
        await self._guarding.begin(box)

    async def at_start(self) -> None:
        """Before the agent's program starts."""
        await self._scaffold.take("start", 0)

    async def at_call(self, turn: int, client: Address | None) -> None:
        """While a model call is held."""
        await self._scaffold.take("call", turn)
        self._callers.look(turn, client)
        await self._guarding.take("call")
        await self._look_at_scaffold()

    async def at_restart(self, turn: int) -> None:
        """Between an end of the agent's program and its next start."""
        await self._scaffold.take("restart", turn)

    async def at_end(self, turn: int) -> None:
        """Once no process of the agent is left."""
        await self._scaffold.take_last(turn)
        await self._guarding.take("end")
        await self._look_at_scaffold()

    async def of_work(self, work: Collection) -> None:
        """What was collected of ``/work``, which elsewhere is a way to it: by the name that it has in every box."""
        await self._guarding.look_at("artefact", "/work", work.files.items())

    def miss_end(self, reason: str) -> None:
        """The end could not be looked at."""
        self._scaffold.miss_last(reason)

    def tell(self, outcome: Outcome, sensing: Sensing) -> None:
        """What was seen, and of which sensor something was missed."""
        versions = self._scaffold.versions
        outcome.scaffold_versions = [version.as_json() for version in versions]
        if versions:
            outcome.scaffold_start = self._scaffold.files(versions[0])
            outcome.scaffold_end = self._scaffold.files(versions[-1])
            outcome.scaffold_end_id = versions[-1].id if versions[-1].at == "end" else None
        if self._scaffold.unread:
            sensing.lose("scaffold", self._scaffold.unread[0][:200], len(self._scaffold.unread))
        if self._callers.lost:
            sensing.lose("callers", "nobody was seen to ask", self._callers.lost)

    async def _look_at_scaffold(self) -> None:
        """Of each version once."""
        newest = self._scaffold.versions[-1] if self._scaffold.versions else None
        if newest is not None and newest is not self._looked_at:
            self._looked_at = newest
            files = self._scaffold.files(newest)
            await self._guarding.look_at("scaffold", ROOT, ((file.path, file.content) for file in files))
