"""The scaffold sensor: which version of itself the agent was at every model call."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import Any, Final

from sandbox.box import Box
from sandbox.canonical import sha256
from sandbox.errors import BoxFault
from sandbox.files import Entry, FileSpec, Manifest
from sandbox.limits import Limits
from sandbox.recorder import Recorder

ROOT: Final = "/agent"
#: Neither a forged .pyc nor the user's site directory runs in place of what was hashed.
PROGRAM: Final = ("python3", "-sEB", "-X", "pycache_prefix=/opt/tidegauge/pycache", f"{ROOT}/main.py")
#: The exit code by which a scaffold asks to be started again.
RESTART_CODE: Final = 75


def environment(limits: Limits) -> dict[str, str]:
    """What the scaffold's program finds in its environment."""
    threads = str(max(1, ceil(limits.cpus)))
    return {
        "HOME": "/work",
        "OPENAI_BASE_URL": "http://127.0.0.1:8000/v1",
        "OPENAI_API_KEY": "none",
        "ANTHROPIC_BASE_URL": "http://127.0.0.1:8000",
        "ANTHROPIC_API_KEY": "none",
        "OMP_NUM_THREADS": threads,
        "OPENBLAS_NUM_THREADS": threads,
    }


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
        #: Of the first version and the newest: an agent that rewrites itself at every call would
        #: otherwise fill the host's memory.
        self._contents: dict[str, bytes] = {}
        #: Digests of all contents that were ever kept.
        self._kept: set[str] = set()
        self._end_told = False
        #: What was last seen.
        self._known: Manifest | None = None
        self.versions: list[Version] = []
        #: Reasons for which a state could not be read in full.
        self.unread: list[str] = []

    async def take(self, at: str, turn: int) -> None:
        """Records the state now; an unchanged one is recorded at start and end only."""
        # Read again where it ends, whatever the box vouches for.
        manifest = await self._box.manifest(ROOT, self._known if at == "call" else None)
        if manifest is self._known:
            return
        self._known = manifest
        if manifest.incomplete is not None:
            self._miss(at, manifest.incomplete)
        if self.versions and manifest.id == self.versions[-1].id and at not in ("start", "end"):
            return
        size = await self._fetch(at, manifest)
        version = Version(manifest.id, at, turn, manifest.entries)
        self.versions.append(version)
        self._forget(self.versions[0], version)
        self._end_told = at == "end"
        self._recorder.record("scaffold", "scaffold.version", version.as_json())
        # Last: a record that is full now still holds this version.
        self._recorder.charge(size)

    def files(self, version: Version) -> tuple[FileSpec, ...]:
        """The regular files of the first version or the newest, as far as they could be read."""
        return tuple(
            FileSpec(path, self._contents[digest], mode)
            for path, kind, mode, _, digest in version.entries
            if kind == "file" and digest in self._contents
        )

    async def _fetch(self, at: str, manifest: Manifest) -> int:
        """Keeps the contents that are new; how many bytes were never kept before."""
        wanted = {
            path: digest
            for path, kind, _, _, digest in manifest.entries
            if kind == "file" and digest is not None and digest not in self._contents
        }
        if not wanted:
            return 0
        read = await self._box.read(ROOT, list(wanted))
        found: dict[str, bytes] = {}
        for path, digest in wanted.items():
            content = read.files.get(path)
            if content is None or sha256(content) != digest:
                self._miss(at, f"{path!a} changed while it was read")
                continue
            found[digest] = content
        # Many small files take the disk seconds, and other episodes share this loop.
        await asyncio.to_thread(self._keep_all, list(found.values()))
        self._contents |= found
        new = found.keys() - self._kept
        self._kept |= new
        return sum(len(found[digest]) for digest in new)

    def _keep_all(self, contents: list[bytes]) -> None:
        for content in contents:
            self._keep(content)

    def _forget(self, *versions: Version) -> None:
        """Forgets all contents but those of ``versions``."""
        held = {entry[4] for version in versions for entry in version.entries}
        self._contents = {digest: content for digest, content in self._contents.items() if digest in held}

    def _miss(self, at: str, reason: str) -> None:
        self.unread.append(reason)
        self._recorder.record("scaffold", "scaffold.unread", {"at": at, "reason": reason[:500]})

    async def take_last(self, turn: int) -> None:
        """The state at the end; a box that cannot answer any more is recorded as unread."""
        try:
            await self.take("end", turn)
        except BoxFault as error:
            self.miss_last(str(error))

    def miss_last(self, reason: str) -> None:
        """Records that the state at the end is not known, unless it is, or that was told already."""
        if not self._end_told:
            self._end_told = True
            self._miss("end", reason)
