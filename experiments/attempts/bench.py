"""Where a grader works, and a service that tries things: fresh boxes without the model, and the attempt's log."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Iterable
from typing import Any, Final

from sandbox.box import Box, Boxes, BoxRequest, Seen
from sandbox.door.budget import Budget
from sandbox.door.door import Door
from sandbox.episode.recording import FATE_SECONDS, open_box, record_seen
from sandbox.episode.standstill import LoopClock
from sandbox.errors import GradingFault
from sandbox.ground import Ground
from sandbox.http import Place
from sandbox.limits import Limits
from sandbox.recorder import Recorder
from sandbox.service import Service

#: Seconds that a grading box gets. A grader bounds every step; this holds however many steps there are.
GRADING_SECONDS: Final = 300.0
#: What is kept of what a grading box's sensors tell. What was submitted runs there too, and what it tries counts;
#: which programs ran says nothing of it, since most are the grader's.
_KEPT: Final = frozenset({"net.connect", "dns.query", "privilege.call", "privilege.refused"})
#: So much later it also ends itself, should nobody be left to end it.
_MARGIN_SECONDS: Final = 300.0


class GradingBench:
    """Implements ``tasks.grading.Bench`` for one try of one grading, and ``sandbox.service.Workshop``.

    ``role``: what its boxes are recorded as.
    """

    def __init__(
        self, boxes: Boxes, recorder: Recorder, limits: Limits, name: str, labels: dict[str, str],
        role: str = "grade",
    ) -> None:  # fmt: skip
        self._boxes = boxes
        self._recorder = recorder
        self._limits = limits
        self._name = name
        self._labels = labels
        self._role = role
        self._numbers = itertools.count()

    @contextlib.asynccontextmanager
    async def box(
        self, *services: Service, ground: Ground | None = None, seconds: float | None = None
    ) -> AsyncIterator[Box]:
        """A fresh box; its door, if it has one, leads to ``services`` only.

        After ``seconds``, or ``GRADING_SECONDS``, it is given up, and what is awaited of it raises ``BoxDied``: the grader
        then books a submission that never came to an end as it does any that broke its box.
        """
        name = f"{self._name}-{next(self._numbers)}"
        granted = GRADING_SECONDS if seconds is None else seconds
        async with contextlib.AsyncExitStack() as stack:
            deadline = granted + _MARGIN_SECONDS
            request = BoxRequest(name, self._limits, bool(services), self._labels, deadline, ground=ground)
            clock = await stack.enter_async_context(LoopClock(lambda: self._recorder.observing))
            box = await stack.enter_async_context(open_box(self._boxes, request, self._recorder, self._role))
            if services:
                await stack.enter_async_context(self._door(box.door, services))
            loop, told = asyncio.get_running_loop(), f"grading took longer than {granted:g} s"
            ending = loop.call_later(granted, box.end, told)
            try:
                yield box
            finally:
                ending.cancel()
                self.keep(box.drain())
                await self._check_end(box, clock)

    async def _check_end(self, box: Box, clock: LoopClock) -> None:
        """A grading box that the host ended, or did not serve, says nothing about what was submitted."""
        if box.dead is None:
            return
        if (stood := clock.stood_still) is not None:
            raise GradingFault(f"this process stood still for {stood:.0f} s", "standstill")
        await box.fate.settled(FATE_SECONDS)
        for data in box.fate.since(0):
            self._recorder.record("engine", "engine.event", data)
        if (evidence := box.fate.host_evidence) is not None:
            raise GradingFault(evidence, "engine")

    @contextlib.asynccontextmanager
    async def _door(self, place: Place, services: tuple[Service, ...]) -> AsyncIterator[None]:
        async with Door(place, None, services, Budget(1, 1), self._recorder.record) as door:
            yield
            if door.fault is not None:
                raise GradingFault(f"a service failed: {door.fault}") from door.fault

    def keep(self, seen: Iterable[Seen]) -> None:
        """Writes what sensors of a grading box saw, as far as it says something of what was submitted."""
        for one in seen:
            if one.kind in _KEPT:
                record_seen(self._recorder, one)

    def emit(self, kind: str, data: dict[str, Any]) -> None:
        """Writes an event of source ``scorer``."""
        self._recorder.record("scorer", kind, data)
