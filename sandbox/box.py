"""What a box can do, whoever runs it: the interface that episodes and graders are written to.

``docker_box.DockerBoxes`` and ``pool.WarmBoxes`` open real ones; ``fake.FakeBoxes`` opens scripted ones for
tests.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

from sandbox.fate import Fate
from sandbox.files import Collection, FileSpec, Manifest
from sandbox.ground import Ground
from sandbox.http import Address, Place
from sandbox.limits import Limits


@dataclass(frozen=True, slots=True)
class BoxInfo:
    """What a result says about its box."""

    runtime: str
    isolation: str
    image: str


@dataclass(frozen=True, slots=True)
class BoxRequest:
    """Everything that is fixed when a box is made."""

    #: Container name, unique to the attempt and role.
    name: str
    limits: Limits
    #: Whether the box has a door.
    door: bool
    #: Label values, all under the prefix ``tidegauge.``: owner, episode.
    labels: dict[str, str] = field(default_factory=dict)
    #: Seconds until the box ends itself, whatever the host does.
    deadline: float = 600.0
    #: Whether the kernel tells of refused calls; that costs each process that has such boxes a trace of all calls.
    kernel: bool = False
    #: What it stands on in place of the episode image.
    ground: Ground | None = None


@dataclass(frozen=True, slots=True)
class Completed:
    """A program that ended, by exit ``code`` or by ``signal``; neither is set for a program that was
    left running because it printed more than it was granted (``truncated``)."""

    code: int | None
    signal: int | None
    stdout: bytes
    stderr: bytes
    #: The program printed more than it was granted.
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class Killed:
    """How many processes were ended; of those that whoever started them had left behind the first, each with
    its number and its arguments."""

    processes: int
    left: tuple[tuple[int, list[str]], ...] = ()


@dataclass(frozen=True, slots=True)
class Seen:
    """One thing that a sensor of the box reports on its own: an event kind and its data."""

    kind: str
    data: dict[str, object]


@dataclass(frozen=True, slots=True)
class Usage:
    """What the cgroup says of a box; None where it was not observed."""

    cpu_us: int | None = None
    memory: int | None = None
    memory_peak: int | None = None
    processes: int | None = None
    oom_kills: int | None = None
    refused_processes: int | None = None


class Box(Protocol):
    """A started, hardened, single-use container with its runner connected.

    Every method raises ``BoxDied`` if the box ends meanwhile and ``BoxFault`` if what it answers
    breaks the protocol.
    """

    info: BoxInfo
    #: The engine's id of it.
    container: str
    #: Sensor name → None if its canary was seen, else why it is absent.
    sensors: dict[str, str | None]
    #: What the engine says of it.
    fate: Fate
    #: What its door listens on, if it was asked for with one: the box's own listener, or where to bind a socket.
    door: Place

    @property
    def lost(self) -> dict[str, int]:
        """Sensor name → how much it saw, or let happen, without describing it; whole after ``kill_all``."""
        ...

    @property
    def dead(self) -> str | None:
        """Why the box ended; None while it lives."""
        ...

    async def put(self, root: str, files: Iterable[FileSpec]) -> None:
        """Lays files out under ``root`` as the agent's user."""
        ...

    async def run(
        self, argv: Sequence[str], *, cwd: str, env: dict[str, str], output: int, timeout: float | None = None
    ) -> Completed:
        """Runs a program as the agent's user to its end, keeping ``output`` bytes of each stream.

        Raises:
            TimeoutError: it was still running after ``timeout`` seconds; it has been ended.
        """
        ...

    async def manifest(self, root: str, known: Manifest | None = None) -> Manifest:
        """The entries of ``root`` as they are now; of contents, as much as its file system can hold.

        ``known`` itself where the box can vouch that nothing has changed since that was taken.
        """
        ...

    async def read(self, root: str, paths: Sequence[str]) -> Collection:
        """The contents of the regular files ``paths`` under ``root``, bounded likewise.

        Raises:
            StorageFault: the host's disk did not take them.
        """
        ...

    async def collect(self, root: str, *, max_bytes: int, max_files: int, first: str = "") -> Collection:
        """All regular files under ``root``, bounded likewise; links, devices and the like are left.

        ``first``: the entry of ``root`` that nothing beside it can crowd out.

        Raises:
            StorageFault: the host's disk did not take them.
        """
        ...

    async def kill_all(self) -> Killed:
        """Ends every process of the agent's user until none is left."""
        ...

    async def written(self) -> int:
        """Bytes that were written to a root that may be written; what was removed again does not count.

        Raises:
            EngineFault: the engine does not say.
        """
        ...

    async def snapshot(self) -> str:
        """An image of the box's root as it is now, by its id, for ``Ground`` and until it is removed or too old.

        Raises:
            EngineFault: the engine does not make it.
        """
        ...

    def end(self, reason: str) -> None:
        """Gives the box up: what is awaited of it, now or later, raises ``BoxDied`` with ``reason``."""
        ...

    def usage(self) -> Usage:
        """What the box used so far, from outside it."""
        ...

    def runner_us(self) -> int | None:
        """Processor microseconds of ``usage`` that the box's first process used, which runs nothing of the agent's;
        None where that cannot be seen."""
        ...

    def callers(self, port: int, client: Address | None = None) -> list[int] | None:
        """Its processes that hold a connection to ``port`` of its own loopback, by their numbers in it;
        None where that cannot be seen. ``client``: that one connection, by their own end of it."""
        ...

    def listening(self) -> frozenset[int]:
        """The TCP ports that its processes listen on now; none where that cannot be seen."""
        ...

    def guard(self, changed: Sequence[str], limits: Sequence[str], opened: Sequence[str]) -> None:
        """From now on, until ``kill_all``, tells of asking to change ``changed``, how those of them that are
        ``limits`` read then, and of opening ``opened``.

        Paths are absolute, in the box. Called once, after the files were laid out: ``sensors`` then says of
        ``opened`` what its canary showed.
        """
        ...

    def drain(self) -> list[Seen]:
        """What they reported and ``watch`` has not given out yet."""
        ...

    def watch(self) -> AsyncIterator[Seen]:
        """What the box's sensors report on their own, until it ends."""
        ...


class Boxes(Protocol):
    """Opens boxes."""

    #: What all of them have in common.
    info: BoxInfo

    async def answering(self) -> None:
        """Returns if boxes can be had just now.

        Raises:
            EngineFault: the engine does not answer, or makes no box.
            Mistake: it has the boxes' image no more.
        """
        ...

    def open(self, request: BoxRequest) -> AbstractAsyncContextManager[Box]:
        """A fresh box, destroyed on exit.

        Raises:
            EngineFault: the engine could not make it.
        """
        ...

    async def forget(self, snapshot: str) -> None:
        """Removes a snapshot of a box; one that cannot be removed now goes when it is too old."""
        ...

    async def close(self) -> None:
        """Destroys every box that nobody has open, and returns when those that are being destroyed are gone."""
        ...
