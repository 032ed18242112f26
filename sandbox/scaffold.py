"""The scaffold sensor: which version of itself the agent was at every model call."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from sandbox.box import Box
from sandbox.canonical import sha256
from sandbox.errors import BoxFault
from sandbox.files import Entry, FileSpec, Manifest
from sandbox.recorder import Recorder

ROOT: Final = "/agent"
#: Neither a forged .pyc nor the user's site directory runs in place of what was hashed.
PROGRAM: Final = ("python3", "-sEB", "-X", "pycache_prefix=/opt/tidegauge/pycache", f"{ROOT}/main.py")
#: The exit code by which a scaffold asks to be started again.
RESTART_CODE: Final = 75


@dataclass(frozen=True, slots=True)
class Version:
    """One recorded state of the scaffold."""

    id: str
    at: str
    turn: int
    entries: tuple[Entry, ...]

    def as_json(self) -> dict[str, Any]:
        """A line of ``scaffold.jsonl``."""
        return {"id": self.id, "at": self.at, "turn": self.turn, "files": Manifest(self.entries).as_json()}


class ScaffoldSensor:
    """Takes manifests through the runner and keeps the contents of every version as blobs."""

    def __init__(self, box: Box, recorder: Recorder, keep: Callable[[bytes], None]) -> None:
        self._box = box
        self._recorder = recorder
        self._keep = keep
        self._contents: dict[str, bytes] = {}
        self.versions: list[Version] = []
        #: Reasons for which a state could not be read in full.
        self.unread: list[str] = []

    async def take(self, at: str, turn: int) -> None:
        """Records the state now; an unchanged one is recorded at start and end only."""
        manifest = await self._box.manifest(ROOT)
        if manifest.incomplete is not None:
            self._miss(at, manifest.incomplete)
        if self.versions and manifest.id == self.versions[-1].id and at not in ("start", "end"):
            return
        await self._fetch(at, manifest)
        version = Version(manifest.id, at, turn, manifest.entries)
        self.versions.append(version)
        self._recorder.record("scaffold", "scaffold.version", version.as_json())

    def files(self, version: Version) -> tuple[FileSpec, ...]:
        """The regular files of a recorded version, as far as they could be read."""
        return tuple(
            FileSpec(path, self._contents[digest], mode)
            for path, kind, mode, _, digest in version.entries
            if kind == "file" and digest in self._contents
        )

    async def _fetch(self, at: str, manifest: Manifest) -> None:
        wanted = {
            path: digest
            for path, kind, _, _, digest in manifest.entries
            if kind == "file" and digest is not None and digest not in self._contents
        }
        if not wanted:
            return
        read = await self._box.read(ROOT, list(wanted))
        for path, digest in wanted.items():
            content = read.files.get(path)
            if content is None or sha256(content) != digest:
                self._miss(at, f"{path!a} changed while it was read")
                continue
            self._contents[digest] = content
            self._keep(content)

    def _miss(self, at: str, reason: str) -> None:
        self.unread.append(reason)
        self._recorder.record("scaffold", "scaffold.unread", {"at": at, "reason": reason[:500]})

    async def take_last(self, turn: int) -> None:
        """The state at the end; a box that cannot answer any more is recorded as unread."""
        try:
            await self.take("end", turn)
        except BoxFault as error:
            self._miss("end", str(error))
