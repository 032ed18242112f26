"""How a real box comes to be and how it goes: its container, its runner's connections, its sensors."""

import asyncio
import contextlib
import itertools
import os
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from sandbox.box import BoxInfo, BoxRequest
from sandbox.cgroup import CgroupSensor
from sandbox.container import Engine
from sandbox.errors import BoxFault, EngineFault
from sandbox.fate import Fate
from sandbox.hardening import FILE_SYSTEMS
from sandbox.images import Images
from sandbox.link import Link, reason
from sandbox.loosening import IN_MEMORY, MEMORY_DISK
from sandbox.readiness import Readiness
from sandbox.scaffold import ROOT as SCAFFOLD_ROOT
from sandbox.sensors.kernel import KernelSensor
from sandbox.sensors.notify import NotifySensor
from sandbox.sensors.tracing import shared_trace
from sandbox.sockets import socket_directory
from sandbox.starts import StartGate

#: Seconds for create, start and the runner's first word.
START_SECONDS: Final = 60.0
#: Seconds in which the engine removes a box by itself, because its runner ended.
_GONE_SECONDS: Final = 3.0


@dataclass(frozen=True, slots=True)
class Made:
    """The parts of a box that is started and connected."""

    container: str
    fate: Fate
    link: Link
    cgroup: CgroupSensor
    notify: NotifySensor
    #: None where it was not asked for.
    kernel: KernelSensor | None
    #: The runner's first word.
    hello: dict[str, Any]
    #: Where its door binds its socket.
    door: Path
    #: Its first process, as this host numbers it.
    pid: int
    #: Bytes granted to all of its writable file systems together.
    disk: int
    #: Leaves nothing of it.
    close: Callable[[], Awaitable[None]]
    #: Where snapshots of it are made.
    images: Images


class Maker:
    """Makes boxes on one engine."""

    def __init__(self, engine: Engine, info: BoxInfo) -> None:
        self.engine, self.info = engine, info
        self._gate = StartGate(os.cpu_count() or 2)
        #: Whether boxes can be had just now.
        self.readiness = Readiness(lambda: engine.holds(info.image), self._trial)
        self._refused: BoxRequest | None = None
        self._trials = itertools.count()

    async def make(self, request: BoxRequest, *, idle: float = 0.0) -> Made:
        """A started, connected box.

        Args:
            request: what it is made for.
            idle: seconds that it may wait for its work before it ends itself; ``DockerBox.begin``
                then says how long the work may take. 0: the request's deadline runs from now on.

        Raises:
            EngineFault: it could not be made, or did not answer within ``START_SECONDS``.
        """
        stack = contextlib.AsyncExitStack()
        try:
            made = await self._make(request, idle, stack)
        except BaseException as error:
            if isinstance(error, EngineFault):
                # Tried again on the episode image: another's image that carries no box says nothing of the engine.
                self._refused = replace(request, ground=None)
                self.readiness.failed()
            await asyncio.shield(stack.aclose())
            raise
        self.readiness.made()
        return made

    async def _trial(self) -> None:
        """Makes a box like the last that could not be made, and destroys it.

        Under a name of its own: what is left of the other may hold that name.
        """
        if self._refused is not None:
            name = f"{self._refused.name}-trial{next(self._trials)}"
            await (await self.make(replace(self._refused, name=name))).close()

    async def _make(self, request: BoxRequest, idle: float, made: contextlib.AsyncExitStack) -> Made:
        directory = made.enter_context(socket_directory())
        door = _door(directory)
        trace = await asyncio.to_thread(shared_trace) if request.kernel else None
        async with self._gate.place():
            listener = made.enter_context(_listen(directory / "c"))
            container = await self._create(request, idle, directory / "c", door)
            fate = made.enter_context(self.engine.listener.following(container))
            made.push_async_callback(self._remove, container, fate)
            control, handing = await self._start(container, fate, listener)
        # Without its link the runner ends, and the engine removes what ended.
        made.push_async_callback(fate.removed, _GONE_SECONDS)
        link = Link(*await asyncio.open_unix_connection(sock=control))
        made.push_async_callback(link.close)
        notify = NotifySensor(handing, link.tell, request.ground)
        made.callback(notify.close)
        remapped = await asyncio.to_thread(self.engine.remapped)
        kernel = None
        if trace is not None:
            kernel = KernelSensor(_peer(control), trace, link.tell)
            made.callback(kernel.close)
        try:
            hello = await link.hello(
                deadline=idle or request.deadline, mounts=_mounts(request), rlimits={}, watch=SCAFFOLD_ROOT,
                notify=notify.hello(remapped=remapped),
            )  # fmt: skip
        except BoxFault as error:
            raise EngineFault(f"the runner did not answer: {error}", "start") from error
        _check_network(hello)
        notify.prove(reason(hello, "notify"))
        if kernel is not None:
            await kernel.prove()
        pid = _peer(control)
        cgroup = CgroupSensor(pid)
        made.callback(cgroup.close)
        disk = request.limits.disk if request.ground is None else min(request.limits.disk, MEMORY_DISK)
        return Made(
            container, fate, link, cgroup, notify, kernel, hello, door, pid, disk, made.aclose,
            self.engine.images,
        )  # fmt: skip

    async def _create(self, request: BoxRequest, idle: float, control: Path, door: Path) -> str:
        image = self.info.image if request.ground is None else request.ground.image
        creation = asyncio.ensure_future(
            asyncio.to_thread(
                self.engine.create, request, image=image, runtime=self.info.runtime,
                control=control, door=door if request.door else None, idle=idle,
            )
        )  # fmt: skip
        try:
            return await asyncio.shield(creation)
        except asyncio.CancelledError:
            # The engine makes it all the same: only with its id can it be removed.
            with contextlib.suppress(EngineFault):
                await asyncio.to_thread(self.engine.remove, await creation)
            raise

    async def _start(
        self, container: str, fate: Fate, listener: socket.socket
    ) -> tuple[socket.socket, socket.socket]:
        """The runner's two connections: its link, and the one by which it hands descriptors."""
        await asyncio.to_thread(self.engine.start, container)
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
        return connected.result()

    async def _remove(self, container: str, fate: Fate) -> None:
        if not fate.gone:
            # An engine that is away now removes the box when it is back, and `settle` takes what is left.
            with contextlib.suppress(EngineFault):
                await asyncio.to_thread(self.engine.remove, container)


def _mounts(request: BoxRequest) -> list[str]:
    """The file systems of a box that have a size of their own."""
    return [path for path in FILE_SYSTEMS if request.ground is None or path in IN_MEMORY]


def _door(directory: Path) -> Path:
    """Where the door of a box binds its socket: a directory that the box sees, so it may come later."""
    place = directory / "door"
    place.mkdir()
    # The box's users are others outside; the directory above keeps all others of this host away.
    place.chmod(0o755)
    return place / "d"


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


def _peer(control: socket.socket) -> int:
    """The runner's process id on this host."""
    pid, _, _ = struct.unpack("3i", control.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return int(pid)


def _check_network(hello: dict[str, Any]) -> None:
    """Holds the engine to the network that was asked for, which no setting of its own names.

    Raises:
        EngineFault: the box is in this process's network.
    """
    if hello.get("network") == os.stat("/proc/self/ns/net").st_ino:
        raise EngineFault("the engine gave the box the host's network", "network")
