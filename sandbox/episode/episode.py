"""One episode: a box, a door and a model, from the first file laid out to the last one collected."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from functools import partial
from typing import Any, Final

from sandbox.box import Box, Boxes, BoxRequest
from sandbox.door.budget import Budget
from sandbox.door.door import Door
from sandbox.episode.blame import Blame
from sandbox.episode.inspection import Inspection
from sandbox.episode.outcome import EpisodeRequest, Outcome
from sandbox.episode.overlay import watch_disk
from sandbox.episode.recording import open_box, record_output, record_seen
from sandbox.episode.sensing import Sensing
from sandbox.episode.standstill import LoopClock
from sandbox.episode.start import start_of
from sandbox.episode.taking import Taking
from sandbox.episode.usage import UsageMeter
from sandbox.errors import BoxDied, BoxFault, HostFault, ModelFault
from sandbox.events import Event
from sandbox.files import FileSpec
from sandbox.http import Address
from sandbox.recorder import Ending, Recorder
from sandbox.scaffold import RESTART_CODE, ROOT
from sandbox.service import WorkingService

MAX_RESTARTS: Final = 10
#: Seconds that an agent has to finish once its budget is gone.
GRACE_SECONDS: Final = 10.0
#: Above this share of the wall limit, waiting for the model's endpoint is why time ran out.
WAIT_SHARE: Final = 0.1
#: Seconds for ending the agent's processes and collecting what it made.
CLOSING_SECONDS: Final = 60.0


class Episode:
    """Runs once."""

    def __init__(
        self,
        request: EpisodeRequest,
        boxes: Boxes,
        recorder: Recorder,
        ending: Ending,
        keep: Callable[[bytes], None],
    ) -> None:
        self._request = request
        self._boxes = boxes
        self._recorder = recorder
        self._ending = ending
        self._keep = keep
        self._start = start_of(request.ground, request.limits)
        #: When the agent's program was first started.
        self._began: float | None = None
        self._blame = Blame(recorder, ending)
        self._clock = LoopClock(lambda: recorder.observing)
        self._uncollected = False
        self._inspection = Inspection(request, recorder, keep)
        self.outcome = Outcome()
        self._taking = Taking(request, self._start.made, recorder, self._inspection, self.outcome)
        self._sensing = Sensing(recorder, self.outcome.sensors)
        # Of the outcome alone: what referred to itself would stay until the collector of cycles comes by.
        recorder.listen(partial(_notice, self.outcome))

    async def run(self) -> Outcome:
        """Never raises for what a box, a model or an engine does: the outcome's status says it."""
        try:
            async with self._clock, self._box() as box, self._door(box) as door:
                await self._live(box, door)
        except BoxFault as error:
            # Only what happens before the scaffold's first instruction comes here: the rest is
            # judged where it happens.
            self._ending.propose("infrastructure", f"box: {error}")
        except HostFault as error:
            self._ending.propose("infrastructure", f"{error.cause}: {error}")
        self._blame.standstill(self._clock.stood_still, self._uncollected)
        self.outcome.status, self.outcome.cause = self._ending.status, self._ending.cause
        return self.outcome

    # -- parts ----------------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def _door(self, box: Box) -> AsyncIterator[Door]:
        limits = self._request.limits
        self._budget = Budget(limits.turns, limits.model_tokens, self._request.price)
        async with Door(
            box.door, self._request.model, self._request.services, self._budget, self._recorder.record,
            hold=self._hold, sampling=self._request.sampling, keep=self._keep_reply,
            look=self._inspection.look,
        ) as door:  # fmt: skip
            yield door

    @contextlib.asynccontextmanager
    async def _box(self) -> AsyncIterator[Box]:
        request = self._request
        deadline = request.limits.wall + GRACE_SECONDS + 2 * CLOSING_SECONDS
        traced = "kernel" in request.require_sensors
        async with open_box(
            self._boxes,
            BoxRequest(request.name, request.limits, True, request.labels, deadline, traced, request.ground),
            self._recorder,
            "agent",
        ) as box:
            self.outcome.info = box.info
            yield box

    async def _live(self, box: Box, door: Door) -> None:
        await self._lay_out(box)
        limits = self._request.limits
        meter = UsageMeter(box, self._recorder, limits)
        self._sensing.begin(box, self._request.require_sensors)
        await self._inspection.at_start()
        self._began = time.monotonic()
        await self._supervise(
            box,
            [
                self._program(box),
                self._wall(door),
                meter.poll(),
                self._relay(box),
                self._blame.follow(box),
                self._grace(),
                self._door_fault(door),
                *self._working(),
                *([watch_disk(box, self._recorder, limits.disk)] if self._request.ground else []),
            ],
        )
        wall = time.monotonic() - self._began
        await door.finish()
        if self._budget.ran_out is not None:
            ran_out = self._budget.ran_out
            self._ending.propose("limit", ran_out.limit)
        await self._close(box)
        self.outcome.usage = {
            "wall_s": round(wall, 3), "turns": self._budget.turns_used, "tokens_in": self._budget.tokens_in,
            "tokens_out": self._budget.tokens_out, "cost": self._budget.cost, **meter.close(),
        }  # fmt: skip

    async def _lay_out(self, box: Box) -> None:
        # The directory of the scaffold's log; an empty file keeps it.
        await box.put("/", [*self._request.world, FileSpec("logs/agent/.keep", b"")])
        await box.put(ROOT, self._request.scaffold)
        await self._inspection.begin(box)

    async def _supervise(self, box: Box, work: Sequence[Coroutine[Any, Any, None]]) -> None:
        """Runs ``work`` side by side until the episode's ending is reached."""
        tasks = [asyncio.create_task(self._blame.judged(box, part)) for part in work]
        try:
            await self._ending.reached.wait()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _close(self, box: Box) -> None:
        """Ends the agent's processes, then takes what it made; a box that fails here keeps it."""
        try:
            async with asyncio.timeout(CLOSING_SECONDS):
                await self._taking.take(box, self._budget.turns_used)
        except (BoxFault, TimeoutError) as error:
            self._recorder.record(
                "runner", "collected", {"root": "/", "files": [], "left": [["/", str(error)]]}
            )
            self._inspection.miss_end(str(error))
            self._uncollected = True
            if isinstance(error, BoxDied):
                await self._blame.on_host(box)
        self._inspection.tell(self.outcome, self._sensing)
        for sensor, lost in box.lost.items():
            if lost:
                self._sensing.lose(sensor, "more than it describes", lost)

    # -- what runs side by side -----------------------------------------------------------------

    async def _program(self, box: Box) -> None:
        limits = self._request.limits
        for _ in range(MAX_RESTARTS + 1):
            start = self._start
            ended = await box.run(
                start.program, cwd=start.directory, env=start.environment, output=limits.output
            )
            record_output(self._recorder, ended.stdout, ended.stderr)
            self._inspection.look("output", ended.stdout + ended.stderr)
            if ended.truncated:
                self._recorder.limit("output", limits.output, max(len(ended.stdout), len(ended.stderr)))
                return
            if ended.code == 0:
                self._ending.propose("completed")
                return
            if ended.code != RESTART_CODE:
                how = f"exit {ended.code}" if ended.signal is None else f"signal {ended.signal}"
                self._ending.propose("agent_error", f"scaffold: {how}")
                return
            await self._inspection.at_restart(self._budget.turns_used)
        self._ending.propose("agent_error", f"scaffold: more than {MAX_RESTARTS} restarts")

    async def _wall(self, door: Door) -> None:
        await asyncio.sleep(self._request.limits.wall)
        if door.waited > WAIT_SHARE * self._request.limits.wall:
            raise ModelFault(f"{door.waited:.1f} s of the wall limit went into waiting for the endpoint")
        self._recorder.limit("wall", self._request.limits.wall, self._request.limits.wall)

    async def _grace(self) -> None:
        await self._budget.exhausted.wait()
        await asyncio.sleep(GRACE_SECONDS)
        if self._budget.ran_out is not None:
            self._ending.propose("limit", self._budget.ran_out.limit)

    async def _relay(self, box: Box) -> None:
        async for seen in box.watch():
            record_seen(self._recorder, seen)
        raise BoxDied(box.dead or "the box ended")

    async def _door_fault(self, door: Door) -> None:
        await door.faulted.wait()
        raise door.fault if door.fault is not None else HostFault("the door failed", "door")

    def _working(self) -> Iterator[Coroutine[Any, Any, None]]:
        for service in self._request.services:
            if isinstance(service, WorkingService) and self._request.workshop is not None:
                yield service.work(self._request.workshop, partial(self._recorder.record, "service"))

    def _keep_reply(self, content: bytes) -> None:
        self._keep(content)
        self._recorder.charge(len(content))

    async def _hold(self, client: Address | None) -> None:
        if self._began is not None:
            await self._inspection.at_call(self._budget.turns_used, client)


def _notice(outcome: Outcome, event: Event) -> None:
    if event.kind == "model.reply" and event.data["refused"]:
        outcome.refused = True
