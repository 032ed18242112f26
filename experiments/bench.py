"""Where a grader works: fresh boxes without the model, and the attempt's log."""

import contextlib
import itertools
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

from sandbox.box import Box, Boxes, BoxRequest
from sandbox.budget import Budget
from sandbox.door import Door
from sandbox.errors import GradingFault
from sandbox.limits import Limits
from sandbox.recorder import Recorder
from sandbox.recording import FATE_SECONDS, open_box
from sandbox.service import Service

#: Seconds after which a grading box ends itself.
DEADLINE_SECONDS: Final = 600.0


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
        """A fresh box; its door, if it has one, leads to ``services`` only."""
        name = f"{self._name}-{next(self._numbers)}"
        async with contextlib.AsyncExitStack() as stack:
            request = BoxRequest(name, self._limits, bool(services), self._labels, DEADLINE_SECONDS)
            box = await stack.enter_async_context(open_box(self._boxes, request, self._recorder, "grade"))
            if services:
                await stack.enter_async_context(self._door(box.door, services))
            try:
                yield box
            finally:
                await self._check_end(box)

    async def _check_end(self, box: Box) -> None:
        """A grading box that the host ended says nothing about what was submitted."""
        if box.dead is None:
            return
        await box.fate.settled(FATE_SECONDS)
        for data in box.fate.since(0):
            self._recorder.record("engine", "engine.event", data)
        if (evidence := box.fate.host_evidence) is not None:
            raise GradingFault(evidence, "engine")

    @contextlib.asynccontextmanager
    async def _door(self, path: Path, services: tuple[Service, ...]) -> AsyncIterator[None]:
        async with Door(path, None, services, Budget(1, 1), self._recorder.record) as door:
            yield
            if door.fault is not None:
                raise GradingFault(f"a service failed: {door.fault}") from door.fault

    def emit(self, kind: str, data: dict[str, Any]) -> None:
        """Writes an event of source ``scorer``."""
        self._recorder.record("scorer", kind, data)
