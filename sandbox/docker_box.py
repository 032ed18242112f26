"""Real boxes: a hardened container, its runner's control connection, and its cgroup."""

import asyncio
import contextlib
import os
import socket
import struct
from collections import Counter
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
from sandbox.scaffold import ROOT as SCAFFOLD_ROOT
from sandbox.sensors.notify import NotifySensor
from sandbox.sockets import socket_directory

#: Seconds for create, start and the runner's first word.
START_SECONDS: Final = 60.0
#: Containers that one process starts at a time: starting saturates a host before anything else.
_STARTS_AT_A_TIME: Final = max(2, os.cpu_count() or 2)
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

    def __init__(
        self,
        info: BoxInfo,
        container: str,
        fate: Fate,
        link: Link,
        cgroup: CgroupSensor,
        notify: NotifySensor,
        hello: dict[str, Any],
        disk: int,
    ) -> None:
        self.info = info
        self.container = container
        self.fate = fate
        self._link = link
        self._cgroup = cgroup
        self._notify = notify
        #: Sensor in the box → what it did not describe; known after ``kill_all``.
        self._lost: dict[str, int] = {}
        self._disk = disk
        #: Sensor name → None if up, else why it is absent.
        self.sensors: dict[str, str | None] = {
            "cgroup": cgroup.absent,
            "runner": None if hello.get("canary") is True else "its canary was not seen",
            "notify": notify.absent,
            "dns": _reason(hello, "dns"),
            "files": "no scaffold was laid out",
        }

    async def put(self, root: str, files: Iterable[FileSpec]) -> None:
        files = list(files)
        listing = [[file.path, layout_mode(file.mode), len(file.content)] for file in files]
        body = b"".join(file.content for file in files)
        answer = await self._link.request("put", body, root=root, files=listing)
        if root == SCAFFOLD_ROOT:
            # Seeing these files change was the sensor's canary.
            self.sensors["files"] = _reason(answer, "files")

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
        processes, self._lost = answers.killed(await self._link.request("kill"))
        return processes

    def end(self, reason: str) -> None:
        self._link.end(reason)

    def usage(self) -> Usage:
        return self._cgroup.read()

    async def watch(self) -> AsyncIterator[Seen]:
        while (seen := await self._link.reports.next()) is not None:
            yield seen
        for last in self._notify.take():
            yield last

    def drain(self) -> list[Seen]:
        self._link.reports.tell(self._notify.take())
        return self._link.reports.drain()

    @property
    def lost(self) -> dict[str, int]:
        lost = Counter(self._lost) + self._link.reports.dropped
        lost["notify"] += self._notify.lost
        return {sensor: lost[sensor] for sensor in ("runner", "dns", "files", "notify")}

    @property
    def dead(self) -> str | None:
        """Why the box ended, or None while it lives."""
        return self._link.dead


def _reason(said: dict[str, Any], sensor: str) -> str | None:
    """Why the runner has no such sensor; None if it has."""
    reason = said.get(sensor, "the runner has none")
    return None if reason is None else str(reason)[:200]


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
        opened = contextlib.ExitStack()
        try:
            async with self._starting:
                listener = opened.enter_context(_listen(directory / "c"))
                creation = asyncio.ensure_future(asyncio.to_thread(self._create, request, directory / "c"))
                try:
                    container = await asyncio.shield(creation)
                except asyncio.CancelledError:
                    # The engine makes it all the same: only with its id can it be removed.
                    container = await creation
                    raise
                fate = opened.enter_context(self._engine.listener.following(container))
                link, pid, handing = await self._connect(container, fate, listener)
            notify = NotifySensor(handing, link.reports.tell)
            opened.callback(notify.close)
            hello = await link.hello(
                deadline=request.deadline, mounts=list(FILE_SYSTEMS), rlimits={}, watch=SCAFFOLD_ROOT,
                notify=notify.hello(),
            )  # fmt: skip
            notify.prove(_reason(hello, "notify"))
            cgroup, disk = CgroupSensor(pid), request.limits.disk
            yield DockerBox(self.info, container, fate, link, cgroup, notify, hello, disk)
        finally:
            opened.close()
            await asyncio.shield(self._destroy(container, link))

    def _create(self, request: BoxRequest, control: Path) -> str:
        return self._engine.create(request, image=self._image, runtime=self.info.runtime, control=control)

    async def _connect(
        self, container: str, fate: Fate, listener: socket.socket
    ) -> tuple[Link, int, socket.socket]:
        """The runner's link, its pid on this host, and the connection by which it hands descriptors."""
        await asyncio.to_thread(self._engine.start, container)
        ended = asyncio.ensure_future(fate.settled(START_SECONDS))
        connected = asyncio.ensure_future(_accept_twice(listener))
        try:
            either: set[asyncio.Future[Any]] = {connected, ended}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ended.cancel()
            if not connected.done():
                connected.cancel()
            # Nobody else ever connects: not even an agent that finds the socket.
            listener.close()
        if connected.cancelled() or not connected.done():
            why = "the box ended" if fate.decided else f"nothing within {START_SECONDS:.0f} s"
            raise EngineFault(f"the runner did not answer: {fate.host_evidence or why}", "start")
        control, handing = connected.result()
        pid, _, _ = struct.unpack("3i", control.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        reader, writer = await asyncio.open_unix_connection(sock=control)
        return Link(reader, writer), pid, handing

    async def _destroy(self, container: str | None, link: Link | None) -> None:
        if link is not None:
            await link.close()
        if container is not None:
            # Without its link the runner ends, and the engine removes what ended: one that is away
            # now does so when it is back, and `settle` takes what is left then.
            with contextlib.suppress(EngineFault):
                await asyncio.to_thread(self._engine.remove, container)


def _listen(path: Path) -> socket.socket:
    """A listener for the runner's connections, which come before any agent exists."""
    listener = socket.socket(socket.AF_UNIX)
    listener.setblocking(False)
    listener.bind(str(path))
    # The box's user 0 may be another user outside; the directory keeps all others away.
    path.chmod(0o666)
    listener.listen(2)
    return listener


async def _accept_twice(listener: socket.socket) -> tuple[socket.socket, socket.socket]:
    loop = asyncio.get_running_loop()
    first, _ = await loop.sock_accept(listener)
    second, _ = await loop.sock_accept(listener)
    return first, second
