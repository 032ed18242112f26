"""Where a grader works: fresh boxes without the model, and the attempt's log."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator
from typing import Any, Final

from sandbox.box import Box, Boxes, BoxRequest
from sandbox.budget import Budget
from sandbox.door import Door
from sandbox.errors import GradingFault
from sandbox.http import Place
from sandbox.limits import Limits
from sandbox.recorder import Recorder
from sandbox.recording import FATE_SECONDS, open_box, record_seen
from sandbox.service import Service
from sandbox.standstill import LoopClock

#: Seconds that a grading box gets. A grader bounds every step; this holds however many steps there are.
GRADING_SECONDS: Final = 300.0
#: What is kept of what a grading box's sensors tell. What was submitted runs there too, and what it tries counts;
#: which programs ran says nothing of it, since most are the grader's.
_KEPT: Final = frozenset({"net.connect", "dns.query", "privilege.call", "privilege.refused"})
#: After so many it also ends itself, should nobody be left to end it.
_DEADLINE_SECONDS: Final = 600.0


class GradingBench:
    """Implements ``tasks.grading.Bench`` for one try of one grading."""

    def __init__(
        self, boxes: Boxes, recorder: Recorder, limits: Limits, name: str, labels: dict[str, str]
    ) -> None:
        self._boxes = boxes
        self._recorder = recorder
        self._limits = limits
        self._name = name
        self._labels = labels
        self._numbers = itertools.count()

    @contextlib.asynccontextmanager
    async def box(self, *services: Service) -> AsyncIterator[Box]:
        """A fresh box; its door, if it has one, leads to ``services`` only.

        After ``GRADING_SECONDS`` it is given up, and what is awaited of it raises ``BoxDied``: the grader
        then books a submission that never came to an end as it does any that broke its box.
        """
        name = f"{self._name}-{next(self._numbers)}"
        async with contextlib.AsyncExitStack() as stack:
            request = BoxRequest(name, self._limits, bool(services), self._labels, _DEADLINE_SECONDS)
            clock = await stack.enter_async_context(LoopClock())
            box = await stack.enter_async_context(open_box(self._boxes, request, self._recorder, "grade"))
            if services:
                await stack.enter_async_context(self._door(box.door, services))
            loop, told = asyncio.get_running_loop(), f"grading took longer than {GRADING_SECONDS:g} s"
            ending = loop.call_later(GRADING_SECONDS, box.end, told)
            try:
                yield box
            finally:
                ending.cancel()
                for seen in box.drain():
                    if seen.kind in _KEPT:
                        record_seen(self._recorder, seen)
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

    def emit(self, kind: str, data: dict[str, Any]) -> None:
        """Writes an event of source ``scorer``."""
        self._recorder.record("scorer", kind, data)
