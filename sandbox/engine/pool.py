"""Warm boxes: made before they are asked for, handed out once, never used again."""

import asyncio
import contextlib
import itertools
import os
from collections import Counter, deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from sandbox.box import BoxRequest
from sandbox.engine.container import Engine
from sandbox.engine.docker_box import DockerBox, DockerBoxes
from sandbox.engine.reaper import sweep
from sandbox.errors import BoxDied, EngineFault
from sandbox.limits import Limits

#: Seconds that a warm box waits for its work before it ends itself.
IDLE_SECONDS: Final = 600.0
#: Seconds between two looks for containers that should be gone.
REAP_SECONDS: Final = 60.0
#: Boxes that may be on their way out, for each that may be warm, before an episode waits for them.
_LEAVING: Final = 2
_NUMBERS = itertools.count()


@dataclass(frozen=True, slots=True)
class _Kind:
    """Everything that is fixed when a box is made; its image and runtime are the pool's."""

    owner: str
    cpus: float
    memory: int
    processes: int
    disk: int
    door: bool
    deadline: float
    kernel: bool

    @classmethod
    def of(cls, request: BoxRequest) -> "_Kind":
        limits = request.limits
        return cls(
            request.labels["owner"], limits.cpus, limits.memory, limits.processes, limits.disk,
            request.door, request.deadline, request.kernel,
        )  # fmt: skip

    def request(self) -> BoxRequest:
        """What a box of this kind is made for; which episode gets it, the episode's log says."""
        limits = Limits(cpus=self.cpus, memory=self.memory, processes=self.processes, disk=self.disk)
        # Several runners of one run may share an engine, which knows a name once.
        name = f"tidegauge-{self.owner[:8]}-warm-{os.getpid()}-{next(_NUMBERS)}"
        labels = {"owner": self.owner}
        return BoxRequest(name, limits, self.door, labels, self.deadline, self.kernel)


class WarmBoxes(DockerBoxes):
    """Opens real boxes, and has as many ready as were last asked for, of the same kinds."""

    def __init__(
        self, engine: Engine, *, image: str, runtime: str = "runc", isolation: str = "container", spare: int
    ) -> None:
        """``spare``: how many boxes are kept ready, of all kinds together."""
        super().__init__(engine, image=image, runtime=runtime, isolation=isolation)
        self._spare = spare
        self._asked: deque[_Kind] = deque(maxlen=spare)
        self._ready: dict[_Kind, deque[DockerBox]] = {}
        self._waiting: dict[_Kind, deque[asyncio.Future[DockerBox]]] = {}
        self._making: Counter[_Kind] = Counter()
        self._makers: set[asyncio.Task[None]] = set()
        self._leaving: set[asyncio.Task[None]] = set()
        self._reaper: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def ready(self) -> int:
        """Boxes that wait for their work."""
        return sum(map(len, self._ready.values()))

    @contextlib.asynccontextmanager
    async def open(self, request: BoxRequest) -> AsyncIterator[DockerBox]:
        """A box that lives and that nothing has run in; on exit its destruction begins.

        Raises:
            EngineFault: it could not be made, or did not answer in time.
        """
        if request.ground is not None:
            # Each stands on an image of its own: there is nothing to have ready.
            async with super().open(request) as made:
                yield made
            return
        box = await self._take(request)
        try:
            yield box
        finally:
            self._leave(box)
            await self._pace()

    async def close(self) -> None:
        """Destroys what waits and what is being made; returns when all of it is gone."""
        self._closed = True
        for places in self._waiting.values():
            for place in places:
                if not place.done():
                    place.set_exception(EngineFault("no more boxes are given out", "pool"))
        ending = [*self._makers, *([self._reaper] if self._reaper is not None else [])]
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)
        for ready in self._ready.values():
            while ready:
                self._leave(ready.popleft())
        await asyncio.gather(*self._leaving, return_exceptions=True)
        await super().close()

    async def _take(self, request: BoxRequest) -> DockerBox:
        if self._closed:
            raise EngineFault("no more boxes are given out", "pool")
        if self._reaper is None:
            self._reaper = asyncio.create_task(self._reap(request.labels["owner"]))
        kind = _Kind.of(request)
        self._asked.append(kind)
        while True:
            box = await self._next(kind)
            try:
                begun = await _begun(box, request.deadline)
            except BaseException:
                self._leave(box)
                raise
            # Only now: making another one would have kept this one's answer waiting.
            self._fill()
            if begun:
                return box
            self._leave(box)

    async def _next(self, kind: _Kind) -> DockerBox:
        """The first box of a kind that is ready, or made from now on."""
        waiting: asyncio.Future[DockerBox] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(kind, deque()).append(waiting)
        self._match(kind)
        if not waiting.done():
            self._fill()
        try:
            return await waiting
        except asyncio.CancelledError:
            if not waiting.cancelled() and waiting.exception() is None:
                self._put(kind, waiting.result())
            raise

    def _put(self, kind: _Kind, box: DockerBox) -> None:
        self._ready.setdefault(kind, deque()).append(box)
        self._match(kind)

    def _match(self, kind: _Kind) -> None:
        """Gives what is ready to who waits, first come first served."""
        ready, waiting = self._ready.get(kind, ()), self._waiting.get(kind, ())
        while ready and waiting:
            place = waiting.popleft()
            if not place.done():
                place.set_result(ready.popleft())

    def _fill(self) -> None:
        """Begins to make what is waited for and not being made, then what is to be ready."""
        for kind, places in self._waiting.items():
            waited = sum(not place.done() for place in places)
            self._begin(kind, waited - self._making[kind])
        wanted = Counter(self._asked)
        for kind, most in wanted.items():
            self._begin(kind, min(most - self._spares(kind), self._room(wanted)))

    def _begin(self, kind: _Kind, number: int) -> None:
        for _ in range(0 if self._closed else number):
            self._making[kind] += 1
            task = asyncio.create_task(self._make(kind))
            self._makers.add(task)
            task.add_done_callback(self._makers.discard)

    def _spares(self, kind: _Kind) -> int:
        """Boxes of a kind that are ready, or will be once who waits is served."""
        waited = sum(not place.done() for place in self._waiting.get(kind, ()))
        return len(self._ready.get(kind, ())) + self._making[kind] - waited

    def _room(self, wanted: Counter[_Kind]) -> int:
        """How many more may be made ready, once those that died or are asked for no more are gone."""
        for kind, ready in self._ready.items():
            for box in [box for box in ready if not (_fit(box) and wanted[kind])]:
                ready.remove(box)
                self._leave(box)
        return self._spare - sum(self._spares(kind) for kind in {*self._ready, *self._making})

    async def _make(self, kind: _Kind) -> None:
        made: DockerBox | Exception
        try:
            made = DockerBox(self.info, await self._maker.make(kind.request(), idle=IDLE_SECONDS))
        except Exception as fault:
            made = fault
        finally:
            self._making[kind] -= 1
        if isinstance(made, Exception):
            self._tell(kind, made)
        else:
            self._put(kind, made)
            self._fill()

    def _tell(self, kind: _Kind, fault: Exception) -> None:
        """Fails who waits for a box that is not being made any more; one who asks later finds out."""
        waiting = [place for place in self._waiting.get(kind, ()) if not place.done()]
        for place in waiting[self._making[kind] :]:
            place.set_exception(fault)

    def _leave(self, box: DockerBox) -> None:
        task = asyncio.create_task(box.close())
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    async def _reap(self, owner: str) -> None:
        """Takes away, from time to time, what is past its deadline and what another runner left that died."""
        while True:
            await asyncio.sleep(REAP_SECONDS)
            with contextlib.suppress(EngineFault):
                await asyncio.to_thread(sweep, self._maker.engine, owner)

    async def _pace(self) -> None:
        """Waits where boxes are asked for faster than the engine removes them."""
        while len(self._leaving) > _LEAVING * self._spare:
            await asyncio.wait(self._leaving, return_when=asyncio.FIRST_COMPLETED)


def _fit(box: DockerBox) -> bool:
    """Whether a box that waits may be handed out: it lives, and nothing was done to it that would excuse
    what its agent does."""
    return box.dead is None and box.fate.host_evidence is None


async def _begun(box: DockerBox, deadline: float) -> bool:
    """Whether a box answers and may be handed out; its time runs then."""
    try:
        await box.begin(deadline)
    except BoxDied:
        return False
    return _fit(box)
