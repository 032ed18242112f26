"""How a real box comes to be and how it goes: its container, its runner's connections, its sensors."""

import asyncio
import contextlib
import itertools
import os
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from sandbox.box import BoxInfo, BoxRequest
from sandbox.door.connections import accept_twice, door_place, entrance, listen, peer
from sandbox.engine.container import Engine
from sandbox.engine.hardening import FILE_SYSTEMS
from sandbox.engine.images import Images
from sandbox.engine.loosening import IN_MEMORY, MEMORY_DISK
from sandbox.engine.readiness import Readiness
from sandbox.engine.starts import StartGate
from sandbox.errors import BoxFault, EngineFault
from sandbox.fate import Fate
from sandbox.http import Place
from sandbox.link.link import Link, reason
from sandbox.scaffold import ROOT as SCAFFOLD_ROOT
from sandbox.sensors.cgroup import CgroupSensor
from sandbox.sensors.kernel import KernelSensor
from sandbox.sensors.notify import NotifySensor
from sandbox.sensors.tracing import shared_trace
from sandbox.sockets import socket_directory

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
    #: The listener of its own loopback that its door takes over, or where its door binds a socket.
    door: Place
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
        place = door_place(directory)
        trace = await asyncio.to_thread(shared_trace) if request.kernel else None
        async with self._gate.place():
            listener = made.enter_context(listen(directory / "c"))
            container = await self._create(request, idle, directory / "c", place)
            fate = made.enter_context(self.engine.listener.following(container))
            made.push_async_callback(self._remove, container, fate)
            control, handing = await self._start(container, fate, listener)
        # Without its link the runner ends, and the engine removes what ended.
        made.push_async_callback(fate.removed, _GONE_SECONDS)
        made.enter_context(handing)
        link = Link(*await asyncio.open_unix_connection(sock=control))
        made.push_async_callback(link.close)
        door: Place = await entrance(handing) or place
        if isinstance(door, socket.socket):
            made.enter_context(door)
        notify = NotifySensor(handing, link.tell, request.ground)
        made.callback(notify.close)
        remapped = await asyncio.to_thread(self.engine.remapped)
        kernel = None
        if trace is not None:
            kernel = KernelSensor(peer(control), trace, link.tell)
            made.callback(kernel.close)
        hello = await _greeted(
            link, idle or request.deadline, _mounts(request), notify.hello(remapped=remapped)
        )
        _check_network(hello)
        notify.prove(reason(hello, "notify"))
        if kernel is not None:
            await kernel.prove()
        pid = peer(control)
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
        connected = asyncio.ensure_future(accept_twice(listener))
        try:
            either: set[asyncio.Future[Any]] = {connected, ended}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ended.cancel()
            connected.cancel()
            await asyncio.wait({connected})
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


async def _greeted(link: Link, deadline: float, mounts: list[str], notify: dict[str, str]) -> dict[str, Any]:
    """The runner's first word.

    Raises:
        EngineFault: it said none.
    """
    try:
        return await link.hello(
            deadline=deadline, mounts=mounts, rlimits={}, watch=SCAFFOLD_ROOT, notify=notify
        )
    except BoxFault as error:
        raise EngineFault(f"the runner did not answer: {error}", "start") from error


def _check_network(hello: dict[str, Any]) -> None:
    """Holds the engine to the network that was asked for, which no setting of its own names.

    Raises:
        EngineFault: the box is in this process's network.
    """
    if hello.get("network") == os.stat("/proc/self/ns/net").st_ino:
        raise EngineFault("the engine gave the box the host's network", "network")
