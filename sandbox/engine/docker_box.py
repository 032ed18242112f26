"""Real boxes: a hardened container, its runner's control connection, and its cgroup."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Final

from sandbox.box import BoxInfo, BoxRequest, Completed, Killed, Seen, Usage
from sandbox.engine.container import Engine
from sandbox.engine.hardening import capacity
from sandbox.engine.making import Made, Maker
from sandbox.errors import EngineFault
from sandbox.files import Collection, FileSpec, Manifest, layout_mode
from sandbox.ground import ENVIRONMENT
from sandbox.http import Address
from sandbox.link import answers
from sandbox.link.link import reason
from sandbox.scaffold import ROOT as SCAFFOLD_ROOT
from sandbox.sensors.callers import Callers
from sandbox.sensors.opened import OpenedSensor
from sandbox.sensors.ports import listening
from sandbox.sensors.readings import Readings
from sandbox.sensors.still import Still
from sandbox.sensors.written import WrittenSensor

_MAX_ENTRIES: Final = 2_000
#: With SHELL, bash need not look its user up at each start, which takes half a millisecond. Where programs lie
#: comes first: a search asks for each place, and each is told.
_STDIO_ENV: Final = {
    "PATH": "/usr/bin:/usr/local/bin:/bin",
    "LANG": "C.UTF-8",
    "SHELL": "/bin/bash",
    "USER": "agent",
}


class DockerBox:
    """A connected box. See ``sandbox.box.Box`` for what each method promises."""

    def __init__(self, info: BoxInfo, made: Made) -> None:
        self.info = info
        self.container = made.container
        self._images = made.images
        self.fate = made.fate
        self.door = made.door
        self._link = made.link
        self._cgroup = made.cgroup
        self._callers = Callers(made.pid)
        self._notify, self._kernel = made.notify, made.kernel
        self._close = made.close
        self._pid = made.pid
        self._still = Still(made.pid, SCAFFOLD_ROOT)
        #: None until something is guarded.
        self._opened: OpenedSensor | None = None
        self._written: WrittenSensor | None = None
        #: Sensor in the box → what it did not describe; known after ``kill_all``.
        self._lost: dict[str, int] = {}
        self._disk = made.disk
        #: Sensor name → None if up, else why it is absent.
        self.sensors: dict[str, str | None] = {
            "cgroup": made.cgroup.absent,
            "runner": None if made.hello.get("canary") is True else "its canary was not seen",
            "notify": made.notify.absent,
            "dns": reason(made.hello, "dns"),
            "files": "no scaffold was laid out",
            "callers": self._callers.absent,
            "opened": "nothing was guarded",
        }
        if made.kernel is not None:
            self.sensors["kernel"] = made.kernel.absent

    async def begin(self, deadline: float) -> None:
        """Gives a box that was made in advance its work: it ends itself after ``deadline`` seconds.

        Raises:
            BoxDied: it ended while it waited.
        """
        await self._link.request("begin", deadline=deadline)

    async def close(self) -> None:
        """Destroys the box."""
        self._unguard()
        self._still.close()
        await asyncio.shield(self._close())

    async def put(self, root: str, files: Iterable[FileSpec]) -> None:
        files = list(files)
        listing = [[file.path, layout_mode(file.mode), len(file.content)] for file in files]
        body = b"".join(file.content for file in files)
        answer = await self._link.request("put", body, root=root, files=listing)
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

    async def manifest(self, root: str, known: Manifest | None = None) -> Manifest:
        if known is not None and self._still.holds(known):
            return known
        most, since = capacity(root, self._disk), None if known is None else known.mark
        answer = await self._link.request(
            "manifest", root=root, since=since, max_entries=_MAX_ENTRIES, max_bytes=most
        )
        manifest = answers.manifest(answer, known)
        if root == SCAFFOLD_ROOT:
            self._still.told(manifest)
        return manifest

    async def read(self, root: str, paths: Sequence[str]) -> Collection:
        most = capacity(root, self._disk)
        only = list(paths)
        return await self._link.collect(root, max_bytes=most, max_files=len(only), only=only, first="")

    async def collect(self, root: str, *, max_bytes: int, max_files: int, first: str = "") -> Collection:
        most = min(max_bytes, capacity(root, self._disk))
        return await self._link.collect(root, max_bytes=most, max_files=max_files, only=None, first=first)

    def listening(self) -> frozenset[int]:
        return listening(self._pid)

    def guard(self, changed: Sequence[str], limits: Sequence[str], opened: Sequence[str]) -> None:
        self._opened = OpenedSensor(self._pid, opened, self._link.tell)
        self.sensors["opened"] = self._opened.absent
        if limits and self._opened.absent is None:
            self._written = WrittenSensor(self._pid, limits, self._link.tell)
        self._notify.notes.guarded = tuple(changed)
        self._notify.notes.readings = Readings(limits, None if self._written is None else self._written.asked)

    def _unguard(self) -> None:
        for sensor in (self._opened, self._written):
            if sensor is not None:
                sensor.close()

    async def kill_all(self) -> Killed:
        killed, self._lost = answers.killed(await self._link.request("kill"))
        self._unguard()
        if self._kernel is not None:
            await self._kernel.settle()
        return killed

    async def written(self) -> int:
        return await asyncio.to_thread(self._images.written, self.container)

    async def snapshot(self) -> str:
        return await asyncio.to_thread(self._images.snapshot, self.container)

    def end(self, reason: str) -> None:
        self._link.end(reason)

    def usage(self) -> Usage:
        return self._cgroup.read()

    def runner_us(self) -> int | None:
        return self._cgroup.first_us()

    def callers(self, port: int, client: Address | None = None) -> list[int] | None:
        return self._callers.holding(port, client)

    async def watch(self) -> AsyncIterator[Seen]:
        while (seen := await self._link.reports.next()) is not None:
            yield seen
        for last in self._untaken():
            yield last

    def drain(self) -> list[Seen]:
        self._link.tell(self._untaken())
        return self._link.reports.drain()

    @property
    def lost(self) -> dict[str, int]:
        counted = Counter({**self._lost, "notify": self._notify.notes.lost})
        if self._opened is not None:
            counted["opened"] = self._opened.lost + (self._written.lost if self._written is not None else 0)
        if self._kernel is not None:
            counted["kernel"] = self._kernel.lost
        counted.update(self._link.reports.dropped)
        return dict(counted)

    def _untaken(self) -> list[Seen]:
        return self._notify.notes.take() + (self._kernel.take() if self._kernel is not None else [])

    @property
    def dead(self) -> str | None:
        """Why the box ended, or None while it lives."""
        return self._link.dead


def info_of(info: BoxInfo, request: BoxRequest) -> BoxInfo:
    """What a result says of a box that was asked for where others are as ``info`` says."""
    ground = request.ground
    if ground is None:
        return info
    return BoxInfo(info.runtime, f"{info.isolation}, {ground.isolation}", ground.image)


class DockerBoxes:
    """Opens real boxes on one engine, each made when it is asked for. ``pool.WarmBoxes`` has them ready."""

    def __init__(self, engine: Engine, *, image: str, runtime: str = "runc", isolation: str = "container"):
        self.info = BoxInfo(runtime, isolation, image)
        self._maker = Maker(engine, self.info)

    async def answering(self) -> None:
        """Returns if boxes can be had just now.

        Raises:
            EngineFault: the engine does not answer, or makes no box.
            Mistake: it has the boxes' image no more.
        """
        await self._maker.readiness.check()

    @contextlib.asynccontextmanager
    async def open(self, request: BoxRequest) -> AsyncIterator[DockerBox]:
        """A fresh box, destroyed on exit whatever happens.

        Raises:
            EngineFault: it could not be made, or did not answer in time.
        """
        if request.ground is not None and request.ground.missing is not None:
            raise EngineFault(request.ground.missing, ENVIRONMENT)
        box = DockerBox(info_of(self.info, request), await self._maker.make(request))
        try:
            yield box
        finally:
            await box.close()

    async def forget(self, snapshot: str) -> None:
        """Removes a snapshot; where the engine does not answer, a sweep does it later."""
        with contextlib.suppress(EngineFault):
            await asyncio.to_thread(self._maker.engine.images.remove, snapshot)

    async def close(self) -> None:
        """Nothing is left but what is open."""
        await self._maker.readiness.close()
