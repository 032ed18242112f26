"""Real boxes: a hardened container, its runner's control connection, and its cgroup."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any, Final

from sandbox.box import BoxInfo, BoxRequest, Completed, Seen, Usage
from sandbox.container import Engine
from sandbox.errors import BoxFault
from sandbox.files import TYPES, Collection, Entry, FileSpec, Manifest, layout_mode
from sandbox.link import reason
from sandbox.making import Made, Maker
from sandbox.scaffold import ROOT as SCAFFOLD_ROOT

_MAX_ENTRIES: Final = 2_000
#: With SHELL, bash need not look its user up at each start, which takes half a millisecond.
_STDIO_ENV: Final = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "SHELL": "/bin/bash",
    "USER": "agent",
}


class DockerBox:
    """A connected box. See ``sandbox.box.Box`` for what each method promises."""

    def __init__(self, info: BoxInfo, made: Made) -> None:
        self.info = info
        self.container = made.container
        self.fate = made.fate
        self.door = made.door
        self._link = made.link
        self._cgroup = made.cgroup
        self._notify = made.notify
        self._close = made.close
        #: Sensor in the box → what it did not describe; known after ``kill_all``.
        self._lost: dict[str, int] = {}
        #: Sensor name → None if up, else why it is absent.
        self.sensors: dict[str, str | None] = {
            "cgroup": made.cgroup.absent,
            "runner": None if made.hello.get("canary") is True else "its canary was not seen",
            "notify": made.notify.absent,
            "dns": reason(made.hello, "dns"),
            "files": "no scaffold was laid out",
        }

    async def begin(self, deadline: float) -> None:
        """Gives a box that was made in advance its work: it ends itself after ``deadline`` seconds.

        Raises:
            BoxDied: it ended while it waited.
        """
        await self._link.request("begin", deadline=deadline)

    async def close(self) -> None:
        """Destroys the box."""
        await asyncio.shield(self._close())

    async def put(self, root: str, files: Iterable[FileSpec]) -> None:
        files = list(files)
        listing = [[file.path, layout_mode(file.mode), len(file.content)] for file in files]
        body = b"".join(file.content for file in files)
        answer, _ = await self._link.request("put", body, root=root, files=listing)
        if root == SCAFFOLD_ROOT:
            # Seeing these files change was the sensor's canary.
            self.sensors["files"] = reason(answer, "files")

    async def run(
        self, argv: Sequence[str], *, cwd: str, env: dict[str, str], output: int, timeout: float | None = None
    ) -> Completed:
        try:
            async with asyncio.timeout(timeout):
                return await self._link.run(output, argv=list(argv), cwd=cwd, env=_STDIO_ENV | env)
        except TimeoutError:
            await self.kill_all()
            raise

    async def manifest(self, root: str) -> Manifest:
        answer, _ = await self._link.request("manifest", root=root, max_entries=_MAX_ENTRIES, max_bytes=2**27)
        entries = tuple(sorted((_entry(item) for item in answer["entries"]), key=lambda e: os.fsencode(e[0])))
        incomplete = answer.get("incomplete")
        return Manifest(entries, None if incomplete is None else str(incomplete)[:200])

    async def read(self, root: str, paths: Sequence[str]) -> Collection:
        return await self._collect(root, 2**27, len(paths), list(paths))

    async def collect(self, root: str, *, max_bytes: int, max_files: int) -> Collection:
        return await self._collect(root, max_bytes, max_files, None)

    async def _collect(self, root: str, max_bytes: int, max_files: int, only: list[str] | None) -> Collection:
        answer, body = await self._link.request(
            "collect", root=root, max_bytes=max_bytes, max_files=max_files, only=only
        )
        files, offset = {}, 0
        for path, size in answer["files"]:
            files[str(path)] = body[offset : offset + size]
            offset += size
        if offset != len(body):
            raise BoxFault("the runner's collection does not add up")
        return Collection(files, tuple((str(path), str(reason)) for path, reason in answer["left"]))

    async def kill_all(self) -> int:
        answer, _ = await self._link.request("kill")
        self._lost = {str(sensor): int(lost) for sensor, lost in answer["lost"].items()}
        return int(answer["processes"])

    def usage(self) -> Usage:
        return self._cgroup.read()

    async def watch(self) -> AsyncIterator[Seen]:
        while (seen := await self._link.seen.get()) is not None:
            yield seen
        for last in self._notify.take():
            yield last

    def drain(self) -> list[Seen]:
        self._link.tell(self._notify.take())
        return self._link.drain()

    @property
    def lost(self) -> dict[str, int]:
        return {**self._lost, "notify": self._notify.lost}

    @property
    def dead(self) -> str | None:
        """Why the box ended, or None while it lives."""
        return self._link.dead


def _entry(item: Any) -> Entry:
    path, kind, mode, size, content = item
    ok = isinstance(path, str) and kind in TYPES and isinstance(mode, int) and isinstance(size, int)
    if not ok or not (content is None or isinstance(content, str)):
        raise BoxFault("the runner's manifest has no form")
    return path, kind, mode, size, content


class DockerBoxes:
    """Opens real boxes on one engine, each made when it is asked for. ``pool.WarmBoxes`` has them ready."""

    def __init__(self, engine: Engine, *, image: str, runtime: str = "runc", isolation: str = "container"):
        self.info = BoxInfo(runtime, isolation, image)
        self._maker = Maker(engine, self.info)

    async def answering(self) -> None:
        """Returns if the engine answers.

        Raises:
            EngineFault: it does not.
        """
        await self._maker.answering()

    @contextlib.asynccontextmanager
    async def open(self, request: BoxRequest) -> AsyncIterator[DockerBox]:
        """A fresh box, destroyed on exit whatever happens.

        Raises:
            EngineFault: it could not be made, or did not answer in time.
        """
        box = DockerBox(self.info, await self._maker.make(request))
        try:
            yield box
        finally:
            await box.close()

    async def close(self) -> None:
        """Nothing is left but what is open."""
