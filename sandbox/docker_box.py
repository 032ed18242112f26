"""Real boxes: a hardened container, its runner's control connection, and its cgroup."""

import asyncio
import contextlib
import os
import socket
import struct
from collections.abc import AsyncIterator, Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from sandbox import answers
from sandbox.box import BoxInfo, BoxRequest, Completed, Seen, Usage
from sandbox.cgroup import CgroupSensor
from sandbox.container import Engine
from sandbox.errors import EngineFault
from sandbox.fate import Fate
from sandbox.files import Collection, FileSpec, Manifest, layout_mode
from sandbox.hardening import FILE_SYSTEMS, capacity
from sandbox.link import Link
from sandbox.sockets import socket_directory

#: Seconds for create, start and the runner's first word.
START_SECONDS: Final = 60.0
#: Containers that one process starts at a time: starting saturates a host before anything else.
_STARTS_AT_A_TIME: Final = max(2, os.cpu_count() or 2)
_MAX_ENTRIES: Final = 2_000
_STDIO_ENV: Final = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}


class DockerBox:
    """A connected box. See ``sandbox.box.Box`` for what each method promises."""

    def __init__(
        self,
        info: BoxInfo,
        container: str,
        fate: Fate,
        link: Link,
        cgroup: CgroupSensor,
        hello: dict[str, Any],
        disk: int,
    ) -> None:
        self.info = info
        self.container = container
        self.fate = fate
        self.unreported = 0
        self._link = link
        self._cgroup = cgroup
        self._disk = disk
        #: Sensor name → None if up, else why it is absent.
        self.sensors: dict[str, str | None] = {
            "cgroup": cgroup.absent,
            "runner": None if hello.get("canary") is True else "its canary was not seen",
        }

    async def put(self, root: str, files: Iterable[FileSpec]) -> None:
        files = list(files)
        listing = [[file.path, layout_mode(file.mode), len(file.content)] for file in files]
        await self._link.request("put", b"".join(f.content for f in files), root=root, files=listing)

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
        most = capacity(root, self._disk)
        return answers.manifest(
            await self._link.request("manifest", root=root, max_entries=_MAX_ENTRIES, max_bytes=most)
        )

    async def read(self, root: str, paths: Sequence[str]) -> Collection:
        most = capacity(root, self._disk)
        only = list(paths)
        return await self._link.collect(root, max_bytes=most, max_files=len(only), only=only, first="")

    async def collect(self, root: str, *, max_bytes: int, max_files: int, first: str = "") -> Collection:
        most = min(max_bytes, capacity(root, self._disk))
        return await self._link.collect(root, max_bytes=most, max_files=max_files, only=None, first=first)

    async def kill_all(self) -> int:
        processes, undescribed = answers.killed(await self._link.request("kill"))
        self.unreported = undescribed + self._link.reports.dropped
        return processes

    def end(self, reason: str) -> None:
        self._link.end(reason)

    def usage(self) -> Usage:
        return self._cgroup.read()

    async def watch(self) -> AsyncIterator[Seen]:
        while (seen := await self._link.reports.next()) is not None:
            yield seen

    def drain(self) -> list[Seen]:
        return self._link.reports.drain()

    @property
    def dead(self) -> str | None:
        """Why the box ended, or None while it lives."""
        return self._link.dead


class DockerBoxes:
    """Opens real boxes on one engine."""

    def __init__(self, engine: Engine, *, image: str, runtime: str = "runc", isolation: str = "container"):
        self._engine = engine
        self._image = image
        self.info = BoxInfo(runtime, isolation, image)
        self._starting = asyncio.Semaphore(_STARTS_AT_A_TIME)

    async def answering(self) -> None:
        """Returns if the engine answers.

        Raises:
            EngineFault: it does not.
        """
        await asyncio.to_thread(self._engine.ping)

    @contextlib.asynccontextmanager
    async def open(self, request: BoxRequest) -> AsyncIterator[DockerBox]:
        """A fresh box, destroyed on exit whatever happens.

        Raises:
            EngineFault: it could not be made, or did not answer within ``START_SECONDS``.
        """
        with socket_directory() as directory:
            async with self._open(request, directory) as box:
                yield box

    @contextlib.asynccontextmanager
    async def _open(self, request: BoxRequest, directory: Path) -> AsyncIterator[DockerBox]:
        container: str | None = None
        link: Link | None = None
        following = contextlib.ExitStack()
        try:
            async with self._starting:
                connected, server = await _listen(directory / "c")
                creation = asyncio.ensure_future(asyncio.to_thread(self._create, request, directory / "c"))
                try:
                    container = await asyncio.shield(creation)
                except asyncio.CancelledError:
                    # The engine makes it all the same: only with its id can it be removed.
                    container = await creation
                    raise
                fate = following.enter_context(self._engine.listener.following(container))
                link, pid = await self._connect(container, fate, connected, server)
            hello = await link.hello(request.deadline, list(FILE_SYSTEMS), {})
            sensor = CgroupSensor(pid)
            yield DockerBox(self.info, container, fate, link, sensor, hello, request.limits.disk)
        finally:
            following.close()
            await asyncio.shield(self._destroy(container, link))

    def _create(self, request: BoxRequest, control: Path) -> str:
        return self._engine.create(request, image=self._image, runtime=self.info.runtime, control=control)

    async def _connect(
        self, container: str, fate: Fate, connected: "asyncio.Future[_Streams]", server: asyncio.Server
    ) -> tuple[Link, int]:
        await asyncio.to_thread(self._engine.start, container)
        ended = asyncio.ensure_future(fate.settled(START_SECONDS))
        try:
            either: set[asyncio.Future[Any]] = {connected, ended}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ended.cancel()
            server.close()
        if not connected.done():
            why = "the box ended" if fate.decided else f"nothing within {START_SECONDS:.0f} s"
            raise EngineFault(f"the runner did not answer: {fate.host_evidence or why}", "start")
        reader, writer = connected.result()
        peer: socket.socket = writer.get_extra_info("socket")
        pid, _, _ = struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        return Link(reader, writer), pid

    async def _destroy(self, container: str | None, link: Link | None) -> None:
        if link is not None:
            await link.close()
        if container is not None:
            # Without its link the runner ends, and the engine removes what ended: one that is away
            # now does so when it is back, and `settle` takes what is left then.
            with contextlib.suppress(EngineFault):
                await asyncio.to_thread(self._engine.remove, container)


_Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _listen(path: Path) -> "tuple[asyncio.Future[_Streams], asyncio.Server]":
    """A listener that takes one connection: the runner's, which comes before any agent exists."""
    connected: asyncio.Future[_Streams] = asyncio.get_running_loop().create_future()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if connected.done():
            writer.close()
        else:
            connected.set_result((reader, writer))

    server = await asyncio.start_unix_server(accept, path)
    # The box's user 0 may be another user outside; the directory keeps all others away.
    path.chmod(0o666)
    return connected, server
