"""A service that works beside the episode: from the scaffold's start to the episode's end, and no longer."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from monitors.registry import new_watcher
from sandbox.box import Box, BoxRequest, Completed
from sandbox.episode.episode import Episode
from sandbox.episode.outcome import EpisodeRequest, Outcome
from sandbox.errors import EngineFault
from sandbox.event_log import EventLog
from sandbox.events import read_events
from sandbox.fake import FakeBox, FakeBoxes
from sandbox.files import FileSpec
from sandbox.limits import Limits
from sandbox.models.base import NO_TOOLS, ChatReply, ChatRequest
from sandbox.recorder import Ending, Recorder
from sandbox.service import Emit, Service, ServiceReply, ServiceRequest, Workshop

LIMITS = Limits(wall=60, cpu_time=5)


class Silent:
    """A model that nobody asks."""

    tools = NO_TOOLS
    digest = "silent"

    async def complete(self, request: ChatRequest) -> ChatReply:
        raise AssertionError("it was asked")


class Worker:
    """Tells of its work; opens a box, and fails in it if it is given a fault."""

    prefix = "/worker/"

    def __init__(self, fault: Exception | None = None) -> None:
        self.fault = fault
        self.said: list[str] = []
        self.begun = asyncio.Event()

    def handle(self, request: ServiceRequest, emit: Emit) -> ServiceReply:
        return ServiceReply(404, {})

    async def work(self, workshop: Workshop, emit: Emit) -> None:
        self.said.append("begins")
        emit("archive.best", {"child": None, "refused": "none"})
        try:
            async with workshop.box():
                self.begun.set()
                if self.fault is not None:
                    raise self.fault
                await asyncio.sleep(600)
        except asyncio.CancelledError:
            self.said.append("is cancelled")
            raise


class Place:
    """A workshop in memory that knows which of its boxes are open."""

    def __init__(self, boxes: FakeBoxes) -> None:
        self._boxes = boxes
        self.open = 0

    @contextlib.asynccontextmanager
    async def box(self, *services: Service) -> AsyncIterator[Box]:
        async with self._boxes.open(BoxRequest("trial", LIMITS, False)) as box:
            self.open += 1
            try:
                yield box
            finally:
                self.open -= 1


def played(directory: Path, worker: Worker) -> tuple[Outcome, Place]:
    """An episode whose agent ends once the worker has its box open."""

    async def program(box: FakeBox, argv: Sequence[str]) -> Completed:
        await worker.begun.wait()
        if worker.fault is not None:
            await asyncio.sleep(600)
        return Completed(0, None, b"", b"")

    async def main() -> tuple[Outcome, Place]:
        boxes, ending = FakeBoxes(program), Ending()
        place = Place(boxes)
        with EventLog(directory / "events.jsonl") as log:
            request = EpisodeRequest(
                "fake", {"owner": "test"}, LIMITS, Silent(), {}, (FileSpec("main.py", b""),), (),
                services=(worker,), workshop=place,
            )  # fmt: skip
            recorder = Recorder(log, new_watcher(), LIMITS, ending)
            return await Episode(request, boxes, recorder, ending, lambda content: None).run(), place

    return asyncio.run(main())


def test_it_works_while_the_episode_lives_and_leaves_no_box(tmp_path: Path) -> None:
    worker = Worker()
    outcome, place = played(tmp_path, worker)
    assert (outcome.status, worker.said, place.open) == ("completed", ["begins", "is cancelled"], 0)
    told = [event.source for event in read_events(tmp_path / "events.jsonl") if event.kind == "archive.best"]
    assert told == ["service"]


@pytest.mark.parametrize(
    ("fault", "cause"),
    [(EngineFault("gone"), "engine: gone"), (KeyError("x"), "harness: KeyError: 'x'")],
)
def test_what_the_host_does_wrong_at_it_is_never_the_agents(
    tmp_path: Path, fault: Exception, cause: str
) -> None:
    outcome, place = played(tmp_path, Worker(fault))
    assert (outcome.status, outcome.cause, place.open) == ("infrastructure", cause, 0)


def test_it_is_refused_where_there_is_nowhere_to_work() -> None:
    with pytest.raises(ValueError, match="needs a workshop"):
        EpisodeRequest("fake", {"owner": "test"}, LIMITS, Silent(), {}, (), (), services=(Worker(),))
