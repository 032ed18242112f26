"""What is taken of a box at an episode's end, once the agent's processes are ended."""

from dataclasses import asdict, dataclass
from typing import Final

from sandbox.box import Box
from sandbox.episode.inspection import Inspection
from sandbox.episode.outcome import VERIFIER, EpisodeRequest, Outcome
from sandbox.episode.recording import record_collection, record_seen
from sandbox.files import Collection
from sandbox.recorder import Recorder

_FILES: Final = 1_000
#: Where programs leave what they need for a while; bytes and files of it that are looked at.
_TEMPORARY: Final = "/tmp"
_TEMPORARY_BYTES: Final = 1_048_576
_TEMPORARY_FILES: Final = 200


@dataclass(frozen=True, slots=True)
class Taking:
    """Fills ``outcome``. ``made``: where what the agent made is collected from; None: nowhere."""

    request: EpisodeRequest
    made: str | None
    recorder: Recorder
    inspection: Inspection
    outcome: Outcome

    async def take(self, box: Box, turn: int) -> None:
        """Ends every process of the agent, then takes what there is; ``turn``: the model calls that it made.

        Raises:
            BoxFault: the box failed; what was taken before is kept.
        """
        if self.request.ground is not None:
            self.outcome.listening = box.listening()
        killed = await box.kill_all()
        # What the sensors saw last, and nobody relayed once the ending was reached.
        for seen in box.drain():
            record_seen(self.recorder, seen)
        self.recorder.record("runner", "killed", asdict(killed))
        await self.inspection.at_end(turn)
        if self.made is not None:
            self.outcome.work = await self._collect(box, "/work", self.made)
        await self.inspection.of_work(self.outcome.work)
        self.outcome.logs = await self._collect(box, "/logs", "/logs", first=VERIFIER)
        if self.request.ground is not None:
            self.outcome.snapshot = await box.snapshot()
        else:  # elsewhere the image's own files may lie there
            self.outcome.temporary = await self._temporary(box)

    async def _collect(self, box: Box, root: str, place: str, first: str = "") -> Collection:
        """What lies at ``place``, recorded as ``root``."""
        most = self.request.limits.disk
        taken = await box.collect(place, max_bytes=most, max_files=_FILES, first=first)
        record_collection(self.recorder, root, taken)
        return taken

    async def _temporary(self, box: Box) -> Collection:
        """What lies in ``/tmp``, where a copy of the scaffold would lie unseen; recorded only if there is anything."""
        taken = await box.collect(_TEMPORARY, max_bytes=_TEMPORARY_BYTES, max_files=_TEMPORARY_FILES)
        if taken.files or taken.left:
            record_collection(self.recorder, _TEMPORARY, taken)
        return taken
